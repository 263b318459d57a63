import { randomUUIDv7 } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BlobStore, createFilesystemBlobStore } from '@glyphmill/core/blobs';
import { Registry } from '@glyphmill/core/metrics';
import { createJobQueue, type JobQueue, type SentJob, toDurablePayload } from '@glyphmill/core/queue';
import { createJobStore, type JobRecord, type JobStore, type NewJob } from '@glyphmill/core/store';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { startUpkeep, type Upkeep, type UpkeepOptions } from '../src/upkeep/start-upkeep.ts';
import { createLogRecorder, type LogLine } from '@glyphmill/http/test/log-recorder';

/** As in production, but for a wait of 5 s before a job counts as lost, and an hour before a blob may go. */
const quickTiming = { settleMs: 300, epochEveryMs: 100, reconcileEveryMs: 200, deadlinesEveryMs: 100 };

export interface RunningUpkeep extends Upkeep {
  readonly registry: Registry;
  readonly lines: readonly LogLine[];
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>;
}

/** A real Redis, a real database and a real folder of uploads. */
export interface UpkeepBench {
  readonly redis: TestRedis;
  readonly queue: JobQueue;
  readonly store: JobStore;
  readonly blobs: BlobStore;
  readonly databaseFile: string;
  /** Moves the store's clock on. */
  skip(ms: number): void;
  /** From here on the store's clock moves by `skip` only: no lease runs out because the machine is slow. */
  stopClock(): void;
  accept(...jobs: readonly Partial<NewJob>[]): Promise<string[]>;
  /** Puts jobs into the queue as their rows say. */
  send(...ids: readonly string[]): Promise<void>;
  get(id: string): Promise<JobRecord>;
  isHeld(job: SentJob): Promise<boolean>;
  /** Ended with the bench, unless it was stopped before. */
  upkeep(options?: Partial<UpkeepOptions>): RunningUpkeep;
  close(): Promise<void>;
}

export async function openUpkeepBench(): Promise<UpkeepBench> {
  const folder = await mkdtemp(join(tmpdir(), 'glyphmill-upkeep-'));
  const databaseFile = join(folder, 'ocr_data.db');
  const redis = await startRedis();
  const { logger } = createLogRecorder();
  const queue = createJobQueue({ redisUrl: redis.url, logger, mailboxTtlMs: 60_000 });
  let skippedMs = 0;
  let stoppedAt: number | undefined;
  const store = createJobStore({
    databaseUrl: `file:${databaseFile}`,
    migrate: 'auto',
    logger,
    now: () => (stoppedAt ?? Date.now()) + skippedMs,
  });
  await store.ready;
  const blobs = createFilesystemBlobStore({ folder: join(folder, 'blobs') });
  const running: Upkeep[] = [];

  const get = async (id: string) => {
    const job = await store.get(id);
    if (job === undefined) throw new Error('No such job');
    return job;
  };
  return {
    redis,
    queue,
    store,
    blobs,
    databaseFile,
    skip: (ms) => void (skippedMs += ms),
    stopClock: () => void (stoppedAt ??= Date.now()),
    async accept(...jobs) {
      const accepted = await store.accept(jobs.map((job) => ({ ...newJob(), ...job })));
      return accepted.map(({ id }) => id);
    },
    async send(...ids) {
      for (const id of ids) {
        const job = await get(id);
        await queue.enqueueMany(job.lane, [{ payload: toDurablePayload(job, Date.now()), priority: job.priority }]);
      }
    },
    get,
    async isHeld(job) {
      const held = await Promise.all([queue.holds('bulk', [job]), queue.holds('interactive', [job])]);
      return held.some(([isHeld]) => isHeld === true);
    },
    upkeep({ timing, ...options } = {}) {
      const registry = new Registry();
      const { logger: own, lines } = createLogRecorder();
      const upkeep = startUpkeep({
        store,
        queue,
        blobs,
        registry,
        logger: own,
        resultTtlMs: undefined,
        timing: { ...quickTiming, ...timing },
        ...options,
      });
      running.push(upkeep);
      return {
        get isLeading() {
          return upkeep.isLeading;
        },
        stop: () => upkeep.stop(),
        registry,
        lines,
        async metric(name, labels = {}) {
          const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
          return values.find((value) => Object.entries(labels).every(([key, label]) => value.labels[key] === label))
            ?.value;
        },
      };
    },
    async close() {
      await Promise.all(running.map((upkeep) => upkeep.stop()));
      await queue.close();
      await store.close();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function newJob(): NewJob {
  const url = 'https://example.com/card.png';
  return { id: randomUUIDv7(), lane: 'bulk', priority: 100, source: { kind: 'url', url } };
}

/** Looks until it is so, for up to 30 s. */
export async function eventually<T>(look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error('It did not happen in time');
    await delay(25);
  }
}
