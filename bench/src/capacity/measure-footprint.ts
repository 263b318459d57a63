import { randomUUID } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterStack, startClusterStack } from '../cluster-stack.ts';
import type { Surroundings } from '../bench-surroundings.ts';
import { type ImageServer, startImageServer } from '../image-server.ts';
import type { BenchImage } from '../image-set.ts';
import { submitBacklog, untilEnded } from '../scale/backlog.ts';
import { readCpuSeconds } from '../proc-stat.ts';
import { type Service, stop } from '../service-process.ts';
import type { Footprint } from './footprint.ts';
import { measureRowSizes } from './measure-row-sizes.ts';

export interface FootprintOptions {
  readonly images: readonly BenchImage[];
  /** Jobs that wait while memory is looked at, in batches of 1,000. */
  readonly waitingBatches: number;
  /** Jobs that are read. */
  readonly pages: number;
  /** How long the servers are watched while nothing is done. */
  readonly idleSeconds: number;
}

/** Counters of the servers, which only rise. */
interface Counters {
  readonly commands: number;
  readonly transactions: number;
  readonly rowsWritten: number;
  readonly redisCpuSeconds: number;
  readonly apiCpuSeconds: number;
  readonly workerCpuSeconds: number;
}

/**
 * Accepts jobs and reads pages with real processes, and looks what that does to Redis and Postgres. Everything is a count
 * or a size: how fast the machine is does not matter.
 */
export async function measureFootprint(options: FootprintOptions, { env, note }: Surroundings): Promise<Footprint> {
  const server = await startImageServer(options.images);
  const stack = await startClusterStack({ model: 'tiny', env });
  try {
    await sleep(2_000);
    const redisBefore = await countConnections(stack);
    note('the API alone');
    const idleApi = await idleRates(stack, { seconds: options.idleSeconds });
    const worker = await stack.startWorker();
    note('one worker more');
    await readPages({ stack, server, options }, 20);
    const idleBoth = await idleRates(stack, { seconds: options.idleSeconds, worker });
    const redisAfter = await countConnections(stack);
    note(`${options.pages} pages`);
    const perJob = await countPerJob({ stack, server, options, worker }, idleBoth);
    note('sizes of rows');
    const sizes = await measureRowSizes();
    const bytesOfPictures = (await folderBytes(path.join(stack.dataDir, 'blobs'))) / options.images.length;
    await stop(worker.child);
    note(`${options.waitingBatches * 1000} jobs waiting`);
    const bytesPerWaitingJob = await waitingJobBytes(stack, options.waitingBatches);
    const cpuSecondsPerHeartbeatRead = await heartbeatReadCpuSeconds(stack.redis);
    return {
      redis: {
        bytesPerWaitingJob,
        commandsPerJob: perJob.commands,
        cpuSecondsPerJob: perJob.redisCpuSeconds,
        cpuSecondsPerHeartbeatRead,
        idleCommandsOfApi: idleApi.commands,
        idleCommandsOfWorker: idleBoth.commands - idleApi.commands,
        connectionsOfApi: redisBefore,
        connectionsOfWorker: redisAfter - redisBefore,
      },
      postgres: {
        ...sizes,
        transactionsPerJob: perJob.transactions,
        rowsWrittenPerJob: perJob.rowsWritten,
        idleTransactionsOfApi: idleApi.transactions,
        // A worker that has nothing to do asks the store nothing: what is measured is chance.
        idleTransactionsOfWorker: Math.max(0, idleBoth.transactions - idleApi.transactions),
      },
      api: { cpuSecondsPerJob: perJob.apiCpuSeconds },
      worker: { cpuSecondsPerJob: perJob.workerCpuSeconds },
      blobs: { bytesOfPictures },
    };
  } finally {
    await stack.close();
    await server.close();
  }
}

interface Work {
  readonly stack: ClusterStack;
  readonly server: ImageServer;
  readonly options: FootprintOptions;
}

async function readPages({ stack, server, options: { images } }: Work, count: number): Promise<void> {
  const urls = images.map((image) => server.urlOf(image));
  const backlog = await submitBacklog(
    stack.apiUrl,
    Array.from({ length: count }, (_, index) => urls[index % urls.length] ?? ''),
  );
  // Each look costs a transaction of its own.
  await untilEnded(stack.apiUrl, backlog, { lookEveryMs: 5_000 });
}

async function readCounters({ redis, postgres, api }: ClusterStack, worker?: Service): Promise<Counters> {
  // Statistics of a session that has just ended are a moment late.
  await sleep(1_500);
  const stats = await redis.client.info('stats');
  const [row] = await postgres.query(
    `SELECT xact_commit + xact_rollback AS transactions, tup_inserted + tup_updated + tup_deleted AS rows,
            (SELECT count(*) FROM lines) AS lines
     FROM pg_stat_database WHERE datname = current_database()`,
  );
  return {
    commands: Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]),
    transactions: Number(row?.['transactions']),
    rowsWritten: Number(row?.['rows']) - Number(row?.['lines']),
    redisCpuSeconds: await redisCpuSeconds(redis),
    apiCpuSeconds: readCpuSeconds(api.pid).own,
    workerCpuSeconds: worker === undefined ? 0 : readCpuSeconds(worker.pid).own,
  };
}

async function redisCpuSeconds({ client }: ClusterStack['redis']): Promise<number> {
  const cpu = await client.info('cpu');
  const seconds = (field: string): number => Number(new RegExp(`${field}:([\\d.]+)`).exec(cpu)?.[1]);
  return seconds('used_cpu_user') + seconds('used_cpu_sys');
}

/** Each a second. */
async function idleRates(
  stack: ClusterStack,
  { seconds, worker }: { readonly seconds: number; readonly worker?: Service },
): Promise<Counters> {
  const from = performance.now();
  const before = await readCounters(stack, worker);
  await sleep(seconds * 1000);
  const after = await readCounters(stack, worker);
  return scaled(difference(after, before), 1000 / (performance.now() - from));
}

/** Each for one job, less what goes on without any. */
async function countPerJob(work: Work & { readonly worker: Service }, idle: Counters): Promise<Counters> {
  const { pages } = work.options;
  const before = await readCounters(work.stack, work.worker);
  const from = performance.now();
  await readPages(work, pages);
  const seconds = (performance.now() - from) / 1000;
  const after = await readCounters(work.stack, work.worker);
  return scaled(difference(difference(after, before), scaled(idle, seconds)), 1 / pages);
}

function difference(after: Counters, before: Counters): Counters {
  return combine(after, before, (one, other) => one - other);
}

function scaled(counters: Counters, factor: number): Counters {
  return combine(counters, counters, (one) => one * factor);
}

function combine(one: Counters, other: Counters, by: (one: number, other: number) => number): Counters {
  return {
    commands: by(one.commands, other.commands),
    transactions: by(one.transactions, other.transactions),
    rowsWritten: by(one.rowsWritten, other.rowsWritten),
    redisCpuSeconds: by(one.redisCpuSeconds, other.redisCpuSeconds),
    apiCpuSeconds: by(one.apiCpuSeconds, other.apiCpuSeconds),
    workerCpuSeconds: by(one.workerCpuSeconds, other.workerCpuSeconds),
  };
}

const pretendedWorkers = 1_000;
const heartbeatRounds = 200;

/** As workers do it: the list of all, then all heartbeats at once. */
async function heartbeatReadCpuSeconds(redis: ClusterStack['redis']): Promise<number> {
  const { client } = redis;
  const ids = Array.from({ length: pretendedWorkers }, () => randomUUID());
  const keys = ids.map((id) => `pretended:worker:${id}`);
  const heartbeat = JSON.stringify({ id: ids[0], engines: 2, busy: 2, meanPageMs: 1812.4, at: Date.now() });
  for (const [index, id] of ids.entries()) {
    await client.set(keys[index] ?? '', heartbeat);
    await client.zadd('pretended:workers', Date.now(), id);
  }
  const before = await redisCpuSeconds(redis);
  for (let round = 0; round < heartbeatRounds; round += 1) {
    await client.zrange('pretended:workers', 0, '-1');
    await client.mget(keys);
  }
  const cpuSeconds = (await redisCpuSeconds(redis)) - before;
  await client.del(...keys, 'pretended:workers');
  return cpuSeconds / (heartbeatRounds * pretendedWorkers);
}

/** Sockets of others to Redis. */
async function countConnections({ redis }: ClusterStack): Promise<number> {
  return (
    String(await redis.client.client('LIST'))
      .trim()
      .split('\n').length - 1
  );
}

async function waitingJobBytes({ apiUrl, redis }: ClusterStack, batches: number): Promise<number> {
  const before = await usedMemory(redis);
  for (let batch = 0; batch < batches; batch += 1) {
    const url = (index: number): string => `https://images.example.com/cards/2026/11/card-${batch}-${index}.jpg`;
    await submitBacklog(
      apiUrl,
      Array.from({ length: 1000 }, (_, index) => url(index)),
    );
  }
  // They are sent behind the answer.
  await sleep(10_000);
  return ((await usedMemory(redis)) - before) / (batches * 1000);
}

async function usedMemory({ client }: ClusterStack['redis']): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async (file) => (await stat(path.join(file.parentPath, file.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
