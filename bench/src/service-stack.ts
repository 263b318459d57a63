import { freePort } from '@glyphmill/test-servers/free-port';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { ModelName } from '@glyphmill/ocr/pool';
import { host, isOk, type Service, serviceMain, startService, stop, until } from './service-process.ts';

export interface StackOptions {
  readonly model: ModelName;
  readonly processes: number;
  /** What the services inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Redis and the API only: jobs are taken, and nobody reads them. */
export interface ApiStackOptions extends Pick<StackOptions, 'env'> {
  readonly services: 'api';
  /** Where the data lies; the system's folder for temporary files if not said. */
  readonly folder?: string | undefined;
}

/** Redis, API and worker as processes of their own, reachable on the loopback address. */
export interface ServiceStack {
  readonly apiUrl: string;
  readonly dataDir: string;
  /** The worker's is 0 where there is none. */
  readonly pids: { readonly redis: number; readonly api: number; readonly worker: number };
  close(): Promise<void>;
}

/** Resolves when all are ready. Rejects with the end of a service's log when it does not come up. */
export async function startServiceStack(options: StackOptions | ApiStackOptions): Promise<ServiceStack> {
  const { env } = options;
  const parent = 'services' in options ? options.folder : undefined;
  const folder = await mkdtemp(path.join(parent ?? os.tmpdir(), 'glyphmill-bench-'));
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
  const startOurs = (name: 'api' | 'worker', serviceEnv: StackOptions['env']): Service =>
    start(name, process.execPath, [serviceMain(name)], { ...shared, ...serviceEnv });
  try {
    const redisArgs = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'no'];
    const redis = start('redis', env['REDIS_SERVER'] ?? 'redis-server', redisArgs, env);
    await until(redis, () => canConnect(socket));
    // Nothing is refused or given up here: what is measured is how long it takes.
    const api = startOurs('api', { PORT: String(port), OPS_PORT: String(apiOps), SYNC_TIMEOUT_MS: '120000' });
    let workerPid = 0;
    if (!('services' in options)) {
      const worker = startOurs('worker', {
        OPS_PORT: String(workerOps),
        MODEL: options.model,
        ENGINE_PROCESSES: String(options.processes),
        FETCH_ALLOW_CIDRS: '127.0.0.0/8',
        PAGE_TIMEOUT_MS: '120000',
      });
      workerPid = worker.pid;
      await until(worker, () => isOk(`http://${host}:${workerOps}/readyz`));
    }
    await until(api, () => isOk(`http://${host}:${apiOps}/readyz`));
    const pids = { redis: redis.pid, api: api.pid, worker: workerPid };
    return { apiUrl: `http://${host}:${port}`, dataDir: folder, pids, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function canConnect(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socketPath, () => {
      connection.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}
