import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';

/** A real redis-server on a unix socket, run as in production: nothing is persisted. */
export interface RedisProcess {
  readonly url: string;
  /** For looking inside and for breaking things. */
  readonly client: Redis;
  readonly isUp: boolean;
  start(): Promise<void>;
  /** `kill -9`: all that it held is lost. */
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export async function startRedis(options: { folder: string; logFolder: string }): Promise<RedisProcess> {
  const { folder, logFolder } = options;
  const socket = join(folder, 'redis.sock');
  let server: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const log = openSync(join(logFolder, 'redis.log'), 'a');
    const settings = ['--port', '0', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
    server = spawn('redis-server', [...settings, '--unixsocket', socket, '--dir', folder], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    await eventually(() => answers(socket), { timeoutMs: 20_000, what: 'redis-server to answer' });
  };
  const kill = async (): Promise<void> => {
    if (server === undefined) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
    server = undefined;
    await rm(socket, { force: true });
  };

  await start();
  const client = new Redis({ path: socket, maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  return {
    url: `unix://${socket}`,
    client,
    get isUp() {
      return server !== undefined && server.exitCode === null && server.signalCode === null;
    },
    start,
    kill,
    signal: (signal) => void server?.kill(signal),
    async stop() {
      client.disconnect();
      await kill();
    },
  };
}

async function answers(socket: string): Promise<boolean> {
  const probe = new Redis({ path: socket, lazyConnect: true, retryStrategy: () => null });
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    return (await probe.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    probe.disconnect();
  }
}
