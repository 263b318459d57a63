import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** A real redis-server on a unix socket in a folder of its own, run as in production: nothing is persisted. */
export interface TemporaryRedis {
  readonly url: string;
  /** For looking inside; commands wait while the server is away. */
  readonly client: Redis;
  /** kill -9. */
  kill(): Promise<void>;
  /** Comes back empty. */
  start(): Promise<void>;
  /** Hangs: it keeps its connections and answers nothing. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export async function startTemporaryRedis(): Promise<TemporaryRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'glyphmill-redis-'));
  const socket = join(folder, 'redis.sock');
  let server: ChildProcess | undefined;

  const kill = async () => {
    if (server === undefined) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
    server = undefined;
    await rm(socket, { force: true });
  };
  const start = async () => {
    server = spawn(
      'redis-server',
      ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no', '--dir', folder],
      { stdio: 'ignore' },
    );
    await answering(socket);
  };

  await start();
  const client = new Redis({ path: socket, maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  return {
    url: `unix://${socket}`,
    client,
    kill,
    start,
    pause: () => server?.kill('SIGSTOP'),
    resume: () => server?.kill('SIGCONT'),
    async stop() {
      client.disconnect();
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answering(socket: string): Promise<void> {
  const probe = new Redis({ path: socket, maxRetriesPerRequest: null, retryStrategy: () => 20 });
  probe.on('error', () => undefined);
  await Promise.race([probe.ping(), delay(10_000, undefined, { ref: false })]);
  probe.disconnect();
}
