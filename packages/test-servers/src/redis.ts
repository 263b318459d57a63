import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createGuardedFolder } from './guarded-folder.ts';

/** A real redis-server on a unix socket in a folder of its own, run as in production: nothing is persisted. */
export interface TestRedis {
  readonly folder: string;
  readonly url: string;
  /** For looking inside and for breaking things; commands wait while the server is away. */
  readonly client: Redis;
  readonly isUp: boolean;
  /** kill -9: all that it held is lost. */
  kill(): Promise<void>;
  /** Comes back empty. */
  start(): Promise<void>;
  /** Hangs: it keeps its connections and answers nothing. */
  pause(): void;
  resume(): void;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export interface RedisOptions {
  /** Appended to; thrown away otherwise. */
  readonly logFile?: string;
  /** More of redis-server's command line, such as `['--maxmemory', '8mb']`. */
  readonly settings?: readonly string[];
}

const production = ['--port', '0', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
const startTimeoutMs = 20_000;

export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const folder = await createGuardedFolder({ prefix: 'glyphmill-redis-', endSignal: 'KILL' });
  const socket = join(folder.path, 'redis.sock');
  let server: ChildProcess | undefined;

  const kill = async (): Promise<void> => {
    if (server === undefined) return;
    const ended = server;
    server = undefined;
    if (ended.exitCode === null && ended.signalCode === null) {
      const exited = once(ended, 'exit');
      ended.kill('SIGKILL');
      await exited;
    }
    await folder.unwatch();
    await rm(socket, { force: true });
  };
  const start = async (): Promise<void> => {
    server = spawnServer(
      [...production, '--unixsocket', socket, '--dir', folder.path, ...(options.settings ?? [])],
      options.logFile,
    );
    await folder.watch(server);
    await answering(socket, server);
  };

  try {
    await start();
  } catch (error) {
    await kill();
    await folder.release();
    throw error;
  }
  const client = new Redis({ path: socket, maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  return {
    folder: folder.path,
    url: `unix://${socket}`,
    client,
    get isUp() {
      return server !== undefined && server.exitCode === null && server.signalCode === null;
    },
    kill,
    start,
    pause: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    signal: (signal) => void server?.kill(signal),
    async stop() {
      client.disconnect();
      await kill();
      await folder.release();
    },
  };
}

/** REDIS_SERVER is what the set-up found; by hand the PATH has to do. */
function spawnServer(args: readonly string[], logFile: string | undefined): ChildProcess {
  const log = logFile === undefined ? 'ignore' : openSync(logFile, 'a');
  const server = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', args, { stdio: ['ignore', log, log] });
  if (typeof log === 'number') closeSync(log);
  server.on('error', () => undefined);
  return server;
}

async function answering(socket: string, server: ChildProcess): Promise<void> {
  const probe = new Redis({ path: socket, maxRetriesPerRequest: null, retryStrategy: () => 20 });
  probe.on('error', () => undefined);
  const deadline = Date.now() + startTimeoutMs;
  try {
    const pong = probe.ping().then(() => true);
    pong.catch(() => undefined);
    while (!(await Promise.race([pong, delay(50, false)]))) {
      if (server.pid === undefined)
        throw new Error('There is no redis-server on the PATH: install it, or set REDIS_SERVER');
      if (server.exitCode !== null || server.signalCode !== null) throw new Error('redis-server ended at once');
      if (Date.now() > deadline) throw new Error('redis-server did not start in time');
    }
  } finally {
    probe.disconnect();
  }
}
