import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from '../../src/eventually.ts';
import { command, type CommandOptions } from '../../src/command.ts';
import type { Pc } from './pc.ts';
import type { Programs } from './programs.ts';

/** A Docker engine of the test's own on the PC: nothing of it is shared with one that the machine may have. */
export class DockerEngine {
  /** Everything that it writes. */
  readonly folder: string;
  /** What docker, compose and our scripts have to be given. */
  readonly env: Readonly<Record<string, string>>;
  readonly #programs: Programs;
  readonly #pc: Pc;
  #daemon: ChildProcess | undefined;

  private constructor(folder: string, programs: Programs, pc: Pc) {
    this.folder = folder;
    this.#programs = programs;
    this.#pc = pc;
    this.env = {
      DOCKER: programs.docker,
      DOCKER_HOST: `unix://${folder}/docker.sock`,
      DOCKER_CONFIG: `${folder}/config`,
      DOCKER_BUILDKIT: '1',
    };
  }

  static async create(programs: Programs, pc: Pc): Promise<DockerEngine> {
    const folder = await mkdtemp(path.join(tmpdir(), 'glyphmill-docker-'));
    await mkdir(`${folder}/config/cli-plugins`, { recursive: true });
    await symlink(programs.compose, `${folder}/config/cli-plugins/docker-compose`);
    await writeFile(`${folder}/daemon.json`, '{}');
    return new DockerEngine(folder, programs, pc);
  }

  /** `flags`: more of dockerd's. */
  async start(flags: readonly string[] = []): Promise<void> {
    const { folder } = this;
    const folders = {
      'data-root': `${folder}/data`,
      'exec-root': `${folder}/exec`,
      pidfile: `${folder}/dockerd.pid`,
      'config-file': `${folder}/daemon.json`,
      host: `unix://${folder}/docker.sock`,
    };
    const settings = Object.entries(folders).map(([name, value]) => `--${name}=${value}`);
    const [file, args] = this.#pc.inside(this.#programs.dockerd, ...settings, '--mtu=1400', ...flags);
    const daemon = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createWriteStream(`${folder}/dockerd.log`, { flags: 'a' });
    daemon.stdout.pipe(log, { end: false });
    daemon.stderr.pipe(log, { end: false });
    this.#daemon = daemon;
    const answers = () => this.docker(['version', '--format', '{{.Server.Version}}']).then(Boolean, () => false);
    try {
      await eventually(() => (daemon.exitCode === null ? answers() : Promise.reject(new Error('dockerd ended'))), {
        timeoutMs: 60_000,
        everyMs: 250,
        what: 'dockerd',
      });
    } catch (error) {
      const said = await readFile(`${folder}/dockerd.log`, 'utf8').catch(() => '');
      throw new Error(`dockerd did not start:\n${said.slice(-3_000)}`, { cause: error });
    }
  }

  /** As a PC does that is turned off: containers are stopped, and come back with the engine. */
  async stop(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon === undefined || daemon.exitCode !== null) return;
    const gone = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGTERM');
    const isGone = await Promise.race([gone.then(() => true), waited(60_000)]);
    if (!isGone) daemon.kill('SIGKILL');
    await gone;
  }

  docker(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return command(this.#programs.docker, args, { ...options, env: { ...this.env, ...options.env } });
  }

  /** Ends everything and leaves no mount and no file. */
  async remove(): Promise<void> {
    await this.stop();
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').flatMap((line) => {
      const at = line.split(' ')[4] ?? '';
      return at.startsWith(`${this.folder}/`) ? [at] : [];
    });
    // The innermost first.
    for (const at of mounts.toReversed()) await command('umount', ['--lazy', at], { mayFail: true });
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }
}

function waited(ms: number): Promise<false> {
  return new Promise((resolve) =>
    setTimeout(() => {
      resolve(false);
    }, ms).unref(),
  );
}
