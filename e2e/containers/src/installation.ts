import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { eventually } from '../../src/eventually.ts';
import { command } from '../../src/command.ts';
import type { DockerEngine } from './docker-engine.ts';
import { Pc } from './pc.ts';

export const services = ['redis', 'api', 'worker', 'ingest', 'web', 'gate'] as const;
export type Service = (typeof services)[number];

const minute = 60_000;

/** One container's state, as far as the tests look at it. */
export interface Container {
  readonly State: {
    readonly Status: string;
    readonly Pid: number;
    readonly StartedAt: string;
    readonly Health?: { readonly Status: string };
  };
  readonly Config: { readonly User: string };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[] | null;
    readonly CapAdd: readonly string[] | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly Memory: number;
    readonly NanoCpus: number;
    readonly RestartPolicy: { readonly Name: string };
    readonly PortBindings: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[]>> | null;
    readonly Privileged: boolean;
  };
}

/** A folder with compose files, and what compose has made of them. */
export class Installation {
  readonly folder: string;
  readonly #engine: DockerEngine;
  readonly #pc: Pc;
  readonly #env: Readonly<Record<string, string>>;

  constructor(options: {
    readonly folder: string;
    readonly engine: DockerEngine;
    readonly pc: Pc;
    readonly env: Readonly<Record<string, string>>;
  }) {
    this.folder = options.folder;
    this.#engine = options.engine;
    this.#pc = options.pc;
    this.#env = { COMPOSE_PROJECT_NAME: 'glyphmill', ...options.env };
  }

  compose(...args: readonly string[]): Promise<string> {
    return this.#engine.docker(['compose', '--ansi', 'never', ...args], { cwd: this.folder, env: this.#env });
  }

  /** With this compose file on top of the others. */
  with(file: string): Installation {
    return new Installation({
      folder: this.folder,
      engine: this.#engine,
      pc: this.#pc,
      env: { ...this.#env, COMPOSE_FILE: `${this.#env['COMPOSE_FILE'] ?? 'docker-compose.yml'}:${file}` },
    });
  }

  async inspect(service: Service): Promise<Container> {
    const [container] = JSON.parse(await this.#engine.docker(['inspect', `glyphmill-${service}-1`])) as Container[];
    return container!;
  }

  /** Runs a line in the container's shell; gives what it printed, whatever became of it. */
  shell(service: Service, line: string): Promise<string> {
    return this.#engine.docker(['exec', `glyphmill-${service}-1`, 'bash', '-c', line], { mayFail: true });
  }

  async becomesHealthy(only: readonly Service[] = services): Promise<void> {
    for (const service of only) {
      const isHealthy = async (): Promise<boolean> => {
        const state = await this.inspect(service).then(
          ({ State }) => State,
          () => undefined,
        );
        return state?.Status === 'running' && state.Health?.Status === 'healthy';
      };
      try {
        await eventually(isHealthy, { timeoutMs: 3 * minute, everyMs: 500, what: `${service} to be healthy` });
      } catch (error) {
        const said = await this.compose('logs', '--tail=20', service).catch(String);
        throw new Error(`${String(error)}\n${said}`, { cause: error });
      }
    }
  }

  /** The process is shot and not the container stopped: what is stopped by hand stays down. */
  async kill(service: Service): Promise<void> {
    const { Pid, StartedAt } = (await this.inspect(service)).State;
    process.kill(Pid, 'SIGKILL');
    await eventually(async () => (await this.inspect(service)).State.StartedAt !== StartedAt, {
      timeoutMs: minute,
      everyMs: 200,
      what: `${service} to come back`,
    });
  }

  /** The lines of an image by POST /analyze. */
  async analyze(imageUrl: string): Promise<{ status: number; code: unknown; lines: string[] }> {
    const { status, json } = await this.#pc.request({
      port: 8000,
      path: '/analyze',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image_url: imageUrl }),
    });
    const { data = [], code } = json as { data?: { text: string }[]; code?: string };
    return { status, code, lines: data.map(({ text }) => text) };
  }

  async analyzeFile(file: string): Promise<{ status: number; lines: string[] }> {
    return this.analyze(`data:image/png;base64,${(await readFile(file)).toString('base64')}`);
  }

  async countRead(): Promise<number> {
    const { json } = await this.#pc.request({ port: 8000, path: '/jobs?state=succeeded&limit=1000' });
    return (json as { jobs?: unknown[] } | undefined)?.jobs?.length ?? -1;
  }

  /** The page's HTML once it shows all of these texts. */
  pageShows(path: string, ...texts: readonly string[]): Promise<string> {
    return eventually(
      async () => {
        const answer = await this.#pc.request({ port: 5000, path }).catch(() => undefined);
        return answer?.status === 200 && texts.every((text) => answer.text.includes(text)) && answer.text;
      },
      { timeoutMs: 2 * minute, everyMs: 500, what: `${path} to show ${texts.join(', ')}` },
    );
  }

  /**
   * Tries to get out of each container by TCP, by UDP and by a question to its name server, and says what of it the
   * containers saw succeed: names of services. What arrived outside is for the stranger to say.
   */
  async tryToGetOut(): Promise<Service[]> {
    const escaped: Service[] = [];
    for (const service of services) {
      const to = Pc.strangerAddress;
      const said = await this.shell(
        service,
        `echo hello-${service} >/dev/udp/${to}/53
         timeout 5 getent hosts question-${service}.example.org
         timeout 5 bash -c 'exec 3<>/dev/tcp/${to}/80 && printf "GET /${service} HTTP/1.0\\r\\n\\r\\n" >&3 && head -1 <&3'`,
      );
      if (said.includes('200 OK')) escaped.push(service);
    }
    return escaped;
  }
}

/** What every container of ours has to be like. */
export function expectHardened(container: Container): void {
  const { Config, HostConfig } = container;
  expect(Config.User).toBe('1000:1000');
  expect(HostConfig.ReadonlyRootfs).toBe(true);
  expect(HostConfig.Privileged).toBe(false);
  expect(HostConfig.CapDrop).toEqual(['ALL']);
  expect(HostConfig.CapAdd ?? []).toEqual([]);
  expect(HostConfig.SecurityOpt).toContain('no-new-privileges:true');
  expect(HostConfig.Memory).toBeGreaterThan(0);
  expect(HostConfig.NanoCpus).toBeGreaterThan(0);
  expect(HostConfig.RestartPolicy.Name).toBe('always');
}

/** A checkout as anybody gets it: what is committed, nothing else. */
export async function cloneCheckout(from: string, to: string): Promise<void> {
  await command('git', ['-c', 'safe.directory=*', 'clone', '--quiet', from, to]);
}
