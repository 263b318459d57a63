import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** One running all-in-one as its user sees it: a process, its output, its children. */
export interface Instance {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly records: () => LogRecord[];
  /** Resolves with the record, one that is already there included. */
  record(matches: (record: LogRecord) => boolean): Promise<LogRecord>;
  says(text: string): Promise<void>;
  /** Pid of the latest child of that name. */
  childPid(name: string): number;
  readonly exited: Promise<number | NodeJS.Signals>;
}

export interface LogRecord {
  readonly level?: string;
  readonly service?: string;
  readonly msg?: string;
  readonly child?: number;
  readonly names?: string[];
  readonly engine?: number;
}

export const standInMain = fileURLToPath(new URL('stand-ins/main.ts', import.meta.url));
export const realMain = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export function startInstance(
  env: Record<string, string>,
  { main = standInMain, args = [] as string[] } = {},
): Instance {
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env['PATH'], PORT: '0', WEB_PORT: '0', OPS_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const records = () =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as LogRecord);
  const instance: Instance = {
    process: child,
    output: () => text,
    records,
    exited,
    async record(matches) {
      let found: LogRecord | undefined;
      await eventually(
        () => (found = records().findLast(matches)) !== undefined,
        () => text,
      );
      return found as LogRecord;
    },
    says: (wanted) =>
      eventually(
        () => text.includes(wanted),
        () => text,
      ),
    childPid: (name) => records().findLast(({ msg }) => msg === `Started ${name}`)?.child ?? 0,
  };
  return instance;
}

/** Waits for what has to become true some time; gives up late, since a busy machine is slow. */
export async function eventually(isTrue: () => boolean, explain: () => string = () => ''): Promise<void> {
  const giveUpAt = performance.now() + 45_000;
  while (!isTrue()) {
    if (performance.now() > giveUpAt) throw new Error(`It did not become true: ${isTrue.toString()}\n${explain()}`);
    await sleep(20);
  }
}

export function isRunning(pid: number): boolean {
  if (pid <= 0 || !existsSync(`/proc/${pid}/stat`)) return false;
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return false;
  }
}

/** Children of a killed parent end by themselves, at any moment. */
export function killIfRunning(pid: number): void {
  if (!isRunning(pid)) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What a Redis behind a socket answers to one command. */
export async function askRedis(socketPath: string, command: string): Promise<string> {
  const connection = createConnection(socketPath);
  connection.write(`${command}\r\n`);
  const [data] = (await once(connection, 'data')) as [Buffer];
  connection.destroy();
  return data.toString('utf8');
}
