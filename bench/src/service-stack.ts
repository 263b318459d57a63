import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ModelName } from '@glyphmill/ocr/pool';

export interface StackOptions {
  readonly model: ModelName;
  readonly processes: number;
  /** What the services inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Redis, API and worker as processes of their own, reachable on the loopback address. */
export interface ServiceStack {
  readonly apiUrl: string;
  readonly pids: { readonly redis: number; readonly api: number; readonly worker: number };
  close(): Promise<void>;
}

const host = '127.0.0.1';
const startTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;
const root = fileURLToPath(new URL('../../', import.meta.url));

/** Resolves when all are ready. Rejects with the end of a service's log when it does not come up. */
export async function startServiceStack({ model, processes, env }: StackOptions): Promise<ServiceStack> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'glyphmill-bench-'));
  const socket = path.join(folder, 'redis.sock');
  const [port, apiOps, workerOps] = await Promise.all([freePort(), freePort(), freePort()]);
  const shared = { ...env, HOST: host, REDIS_URL: `unix://${socket}`, DATA_DIR: folder, LOG_LEVEL: 'warn' };
  const started: Service[] = [];
  const close = async (): Promise<void> => {
    for (const service of started.toReversed()) await stop(service.child);
    await rm(folder, { recursive: true, force: true });
  };
  const start = (name: string, command: string, args: string[], serviceEnv: StackOptions['env']): Service => {
    const service = startService(name, { command, args, env: serviceEnv, logFile: path.join(folder, `${name}.log`) });
    started.push(service);
    return service;
  };
  const startOurs = (name: string, serviceEnv: StackOptions['env']): Service =>
    start(name, process.execPath, [path.join(root, `services/${name}/src/main.ts`)], { ...shared, ...serviceEnv });
  try {
    const redisArgs = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'no'];
    const redis = start('redis', 'redis-server', redisArgs, env);
    await until(redis, () => canConnect(socket));
    const worker = startOurs('worker', {
      OPS_PORT: String(workerOps),
      MODEL: model,
      ENGINE_PROCESSES: String(processes),
      FETCH_ALLOW_CIDRS: '127.0.0.0/8',
      PAGE_TIMEOUT_MS: '120000',
    });
    // Nothing is refused or given up here: what is measured is how long it takes.
    const api = startOurs('api', { PORT: String(port), OPS_PORT: String(apiOps), SYNC_TIMEOUT_MS: '120000' });
    await until(worker, () => isOk(`http://${host}:${workerOps}/readyz`));
    await until(api, () => isOk(`http://${host}:${apiOps}/readyz`));
    const pids = { redis: redis.pid, api: api.pid, worker: worker.pid };
    return { apiUrl: `http://${host}:${port}`, pids, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Service {
  readonly name: string;
  readonly child: ChildProcess;
  readonly pid: number;
  readonly logFile: string;
}

interface ServiceCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: StackOptions['env'];
  readonly logFile: string;
}

function startService(name: string, { command, args, env, logFile }: ServiceCommand): Service {
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { env, stdio: ['ignore', log, log] });
  // A program that is missing is noticed by `until`.
  child.on('error', () => undefined);
  return { name, child, pid: child.pid ?? 0, logFile };
}

async function until({ name, child, logFile }: Service, ready: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + startTimeoutMs;
  while (!(await ready())) {
    const gone = child.pid === undefined || child.exitCode !== null;
    if (gone || performance.now() > giveUpAt) {
      throw new Error(`${name} did not start:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
    }
    await sleep(50);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function canConnect(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socketPath, () => {
      connection.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}

async function isOk(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok ?? false;
}
