import { freePort } from '@glyphmill/test-servers/free-port';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ModelName } from '@glyphmill/ocr/pool';
import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { host, isOk, type Service, serviceMain, startService, stop, until } from './service-process.ts';

export interface ClusterStackOptions {
  readonly model: ModelName;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Redis, Postgres and the API as processes of their own, and as many workers as are started. */
export interface ClusterStack {
  readonly apiUrl: string;
  readonly api: Service;
  readonly redis: TestRedis;
  readonly postgres: TestPostgres;
  readonly dataDir: string;
  /** With one engine; on the processor of that number alone, if one is said. Resolves when it takes jobs. */
  startWorker(core?: number): Promise<Service>;
  close(): Promise<void>;
}

export async function startClusterStack({ model, env }: ClusterStackOptions): Promise<ClusterStack> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'glyphmill-cluster-'));
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  const started: Service[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(started.map(({ child }) => stop(child)));
    await redis.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const start = async (command: readonly string[], serviceEnv: Readonly<Record<string, string>>): Promise<Service> => {
    const opsPort = await freePort();
    const name = `${started.length + 1}`;
    const [program = '', ...args] = command;
    const service = startService(name, {
      command: program,
      args,
      env: {
        ...env,
        HOST: host,
        OPS_PORT: String(opsPort),
        REDIS_URL: redis.url,
        DATABASE_URL: postgres.url,
        DATA_DIR: folder,
        LOG_LEVEL: 'warn',
        ...serviceEnv,
      },
      logFile: path.join(folder, `${name}.log`),
    });
    started.push(service);
    await until(service, () => isOk(`http://${host}:${opsPort}/readyz`));
    return service;
  };
  try {
    const port = await freePort();
    const api = await start([process.execPath, serviceMain('api')], { PORT: String(port) });
    return {
      api,
      apiUrl: `http://${host}:${port}`,
      redis,
      postgres,
      dataDir: folder,
      startWorker: (core) =>
        start([...(core === undefined ? [] : pinnedTo(core)), process.execPath, serviceMain('worker')], {
          MODEL: model,
          ENGINE_PROCESSES: '1',
          FETCH_ALLOW_CIDRS: '127.0.0.0/8',
          // A crowded core is what is measured.
          PAGE_TIMEOUT_MS: '120000',
        }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function pinnedTo(core: number): string[] {
  return ['taskset', '--cpu-list', String(core)];
}
