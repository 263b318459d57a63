import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const host = '127.0.0.1';
const startTimeoutMs = 120_000;
const stopTimeoutMs = 10_000;
const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Service {
  readonly name: string;
  readonly child: ChildProcess;
  readonly pid: number;
  readonly logFile: string;
}

export interface ServiceCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
}

/** The command line of one of our services. */
export function serviceMain(name: 'api' | 'worker'): string {
  return path.join(root, `services/${name}/src/main.ts`);
}

export function startService(name: string, { command, args, env, logFile }: ServiceCommand): Service {
  const log = openSync(logFile, 'a');
  // With a channel, our services notice when the bench is gone and do not outlive it.
  const child = spawn(command, args, { env, stdio: ['ignore', log, log, 'ipc'] });
  // A program that is missing is noticed by `until`.
  child.on('error', () => undefined);
  return { name, child, pid: child.pid ?? 0, logFile };
}

/** Rejects with the end of the service's log when it ends before it is ready, or never is. */
export async function until({ name, child, logFile }: Service, ready: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + startTimeoutMs;
  while (!(await ready())) {
    const gone = child.pid === undefined || child.exitCode !== null;
    if (gone || performance.now() > giveUpAt) {
      throw new Error(`${name} did not start:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
    }
    await sleep(50);
  }
}

/** SIGTERM, and SIGKILL when that does not help. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}

export async function isOk(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok ?? false;
}
