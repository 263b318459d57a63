import { freePort } from '@glyphmill/test-servers/free-port';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startRedis } from '@glyphmill/test-servers/redis';
import { z } from 'zod';

const mainOf = (service: 'api' | 'worker') =>
  fileURLToPath(new URL(`../../../services/${service}/src/main.ts`, import.meta.url));
const listening = z.object({ type: z.literal('listening'), port: z.int() });
const startTimeoutMs = 60_000;

/** A Redis, an API and, once asked for, a worker, each a process as in production, with a data folder of their own. */
export interface Services {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** A second time, after `stopApi`, on the same port. */
  startApi(): Promise<void>;
  stopApi(): Promise<void>;
  startWorker(): Promise<void>;
  close(): Promise<void>;
}

export async function startServices(): Promise<Services> {
  const [dataDir, redis] = await Promise.all([mkdtemp(join(tmpdir(), 'glyphmill-cli-jobs-')), startRedis()]);
  const username = 'clerk';
  const password = `päss:${crypto.randomUUID()}`;
  const port = await freePort();
  const children = new Set<ChildProcess>();

  const start = (service: 'api' | 'worker', env: Readonly<Record<string, string>>) => {
    // Not inherited: a service must not find settings of the developer's own.
    const child = fork(mainOf(service), {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOST: '127.0.0.1',
        DATA_DIR: dataDir,
        REDIS_URL: redis.url,
        ...env,
      },
      silent: true,
      execArgv: [],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += String(chunk)));
    children.add(child);
    const failed = once(child, 'exit').then(() => {
      children.delete(child);
      throw new Error(`The ${service} has ended:\n${output}`);
    });
    failed.catch(() => undefined);
    return { child, failed };
  };
  const end = async (child: ChildProcess): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };

  let api: ChildProcess | undefined;
  const services: Services = {
    url: `http://127.0.0.1:${port}`,
    username,
    password,
    async startApi() {
      const started = start('api', {
        PORT: String(port),
        OPS_PORT: '0',
        BASIC_AUTH_USERNAME: username,
        BASIC_AUTH_PASSWORD: password,
        MAX_IMAGE_BYTES: '1000000',
      });
      api = started.child;
      const message = once(api, 'message').then(([first]) => listening.parse(first));
      await Promise.race([message, started.failed]);
    },
    async stopApi() {
      if (api !== undefined) await end(api);
      api = undefined;
    },
    async startWorker() {
      const opsPort = await freePort();
      const { failed } = start('worker', {
        OPS_PORT: String(opsPort),
        ENGINE_PROCESSES: '1',
        MODEL: 'tiny',
        RETRY_DELAY_MS: '300',
      });
      await Promise.race([untilReady(opsPort), failed]);
    },
    async close() {
      await Promise.all([...children].map(end));
      await redis.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  try {
    await services.startApi();
  } catch (error) {
    await services.close();
    throw error;
  }
  return services;
}

async function untilReady(opsPort: number): Promise<void> {
  const giveUpAt = Date.now() + startTimeoutMs;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${opsPort}/readyz`).catch(() => undefined);
    if (response?.status === 200) return;
    if (Date.now() > giveUpAt) throw new Error('The worker never became ready');
    await delay(50);
  }
}
