import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A real redis-server on a unix socket in a folder of its own, run as in production: nothing is persisted. */
export interface TemporaryRedis {
  readonly url: string;
  /** The names of all keys. */
  keys(): Promise<string[]>;
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
  const folder = await mkdtemp(join(tmpdir(), 'glyphmill-api-'));
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
    const options = ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no', '--dir', folder];
    server = spawn('redis-server', options, { stdio: 'ignore' });
    for (let tries = 0; tries < 500; tries++) {
      if ((await ask(socket, 'PING').catch(() => '')).startsWith('+PONG')) return;
      await delay(20);
    }
    throw new Error('redis-server did not start');
  };

  await start();
  return {
    url: `unix://${socket}`,
    keys: async () => (await ask(socket, 'KEYS *')).split('\r\n').filter((line) => /^[^*$+-]/.test(line)),
    kill,
    start,
    pause: () => server?.kill('SIGSTOP'),
    resume: () => server?.kill('SIGCONT'),
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One inline command; everything that comes back. */
async function ask(socket: string, command: string): Promise<string> {
  const connection = createConnection(socket);
  connection.end(`${command}\r\nQUIT\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of connection) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
