import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { createGuardedFolder } from './guarded-folder.ts';

/** A real Prometheus on a port of loopback, its data in a folder of its own. */
export interface TestPrometheus {
  readonly url: string;
  /** What its HTTP API answers under `data`; throws what it answers instead. */
  ask(path: string, parameters?: Readonly<Record<string, string>>): Promise<unknown>;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  /** Its path; by default what the set-up found. */
  readonly program?: string;
  readonly configFile: string;
  /** Appended to; thrown away otherwise. */
  readonly logFile?: string;
}

const startTimeoutMs = 60_000;

export async function startPrometheus({
  program = prometheusProgram('prometheus'),
  configFile,
  logFile,
}: PrometheusOptions): Promise<TestPrometheus> {
  const folder = await createGuardedFolder({ prefix: 'glyphmill-prometheus-', endSignal: 'KILL' });
  const url = `http://127.0.0.1:${await freePort()}`;
  const args = [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${join(folder.path, 'data')}`,
    `--web.listen-address=${new URL(url).host}`,
  ];
  const server = spawnServer(program, { args, logFile });
  const stop = async (): Promise<void> => {
    if (server.pid !== undefined && server.exitCode === null && server.signalCode === null) {
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    }
    await folder.unwatch();
    await folder.release();
  };
  try {
    await folder.watch(server);
    await answering(url, server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop, ask: (path, parameters = {}) => ask(url, path, parameters) };
}

/** PROMETHEUS_BIN is what the set-up found; by hand the PATH has to do. */
export function prometheusProgram(name: 'prometheus' | 'promtool'): string {
  return join(process.env['PROMETHEUS_BIN'] ?? '', name);
}

function spawnServer(
  program: string,
  { args, logFile }: { readonly args: readonly string[]; readonly logFile: string | undefined },
): ChildProcess {
  const log = logFile === undefined ? 'ignore' : openSync(logFile, 'a');
  const server = spawn(program, args, { stdio: ['ignore', log, log] });
  if (typeof log === 'number') closeSync(log);
  server.on('error', () => undefined);
  return server;
}

async function answering(url: string, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    if (server.pid === undefined)
      throw new Error('There is no prometheus on the PATH: install it, or set PROMETHEUS_BIN');
    if (server.exitCode !== null || server.signalCode !== null) throw new Error('prometheus ended at once');
    const response = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (response?.ok === true) return;
    if (Date.now() > deadline) throw new Error('prometheus did not start in time');
    await delay(100);
  }
}

async function ask(url: string, path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
  const response = await fetch(`${url}${path}?${new URLSearchParams(parameters).toString()}`);
  const answer = (await response.json()) as {
    readonly status: string;
    readonly data?: unknown;
    readonly error?: string;
  };
  if (answer.status !== 'success') throw new Error(`${path} answered ${response.status}: ${answer.error ?? ''}`);
  return answer.data;
}
