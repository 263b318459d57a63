import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { createGuardedFolder, type GuardedFolder } from './guarded-folder.ts';
import { answers } from './postgres-databases.ts';
import type { PostgresPrograms } from './postgres-programs.ts';
import { childrenOf, signalAll } from './process-tree.ts';
import { findServerUser, type ServerUser } from './server-user.ts';

export interface PostgresServer {
  readonly folder: string;
  /** Of the database that every server has. */
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

const startTimeoutMs = 30_000;
/**
 * Nothing has to outlast a crash of the machine, but a commit has to outlast a kill -9 of the server. Shared memory lies in
 * the data folder, which is removed, rather than in /dev/shm.
 */
const testSettings = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'on',
  shared_buffers: '16MB',
  max_connections: '100',
  dynamic_shared_memory_type: 'mmap',
  autovacuum: 'off',
  jit: 'off',
};

export async function startPostgresServer(programs: PostgresPrograms): Promise<PostgresServer> {
  const folder = await createGuardedFolder({ prefix: 'glyphmill-postgres-', endSignal: 'QUIT' });
  const place: Place = { folder, programs, user: findServerUser(), port: await freePort() };
  let server: ChildProcess | undefined;

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = server;
    server = undefined;
    if (ended?.pid === undefined) return;
    if (ended.exitCode === null && ended.signalCode === null) {
      const exited = once(ended, 'exit');
      const children = await childrenOf(ended.pid);
      ended.kill(signal);
      if (signal === 'SIGKILL') signalAll(children, signal);
      ended.kill('SIGCONT');
      signalAll(children, 'SIGCONT');
      await exited;
    }
    await folder.unwatch();
  };
  const signalEach = async (signal: NodeJS.Signals): Promise<void> => {
    if (server?.pid !== undefined) signalAll([server.pid, ...(await childrenOf(server.pid))], signal);
  };
  const start = async (): Promise<void> => {
    server = await run(place);
  };

  try {
    if (place.user !== undefined) await chown(folder.path, place.user.uid, place.user.gid);
    await initialize(place);
    await start();
  } catch (error) {
    await end('SIGKILL');
    await folder.release();
    throw error;
  }
  return {
    folder: folder.path,
    url: urlOf(place),
    kill: () => end('SIGKILL'),
    start,
    pause: () => signalEach('SIGSTOP'),
    resume: () => signalEach('SIGCONT'),
    async stop() {
      // Killed, it left a bit of the system's shared memory behind, which only a start and an orderly end give back.
      server ??= await run(place).catch(() => undefined);
      await end('SIGQUIT');
      await folder.release();
    },
  };
}

interface Place {
  readonly folder: GuardedFolder;
  readonly programs: PostgresPrograms;
  readonly user: ServerUser | undefined;
  readonly port: number;
}

const urlOf = ({ port }: Place) => `postgres://glyphmill@127.0.0.1:${port}/postgres`;
const dataFolder = ({ folder }: Place) => join(folder.path, 'data');

async function initialize(place: Place): Promise<void> {
  const output: Buffer[] = [];
  const options = ['--username=glyphmill', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'];
  const initdb = spawnAs(place, place.programs.initdb, [...options, `--pgdata=${dataFolder(place)}`]);
  initdb.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  initdb.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
  const [code] = (await once(initdb, 'close')) as [number | null];
  if (code !== 0) throw new Error(`initdb failed:\n${Buffer.concat(output).toString()}`);
}

/** After a kill -9 the former server's processes need a moment to go, during which a new one refuses to start. */
async function run(place: Place): Promise<ChildProcess> {
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    const output: Buffer[] = [];
    const server = spawnAs(place, place.programs.postgres, [
      '-D',
      dataFolder(place),
      '-h',
      '127.0.0.1',
      '-p',
      String(place.port),
      '-k',
      place.folder.path,
      ...Object.entries(testSettings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]);
    for (const stream of [server.stdout, server.stderr]) {
      // Read for ever, lest it stop at a full pipe; only the beginning is of use.
      stream?.on('data', (chunk: Buffer) => void (output.length < 100 && output.push(chunk)));
    }
    await place.folder.watch(server);
    while (server.exitCode === null && server.signalCode === null) {
      if (await answers(urlOf(place))) return server;
      if (Date.now() > deadline) server.kill('SIGKILL');
      await delay(50);
    }
    if (Date.now() > deadline) throw new Error(`postgres did not start:\n${Buffer.concat(output).toString()}`);
    await delay(200);
  }
}

function spawnAs({ folder, user }: Place, program: string, args: readonly string[]): ChildProcess {
  return spawn(program, args, {
    cwd: folder.path,
    // Nobody's PGPORT and the like may have a say.
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
}
