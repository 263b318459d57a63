import { type Job, type JobsOptions, Queue } from 'bullmq';
import type { Logger } from '../logging.ts';
import type { JobState } from '../store/job-store.ts';
import { FastConnection } from './fast-connection.ts';
import { bullJobId, cancelChannel, cancelKey, epochKey, inputKey, noticeChannel, prefix } from './keys.ts';
import { findLive } from './live-jobs.ts';
import { emptyMailbox, postOutcomeIfNone, readOutcome } from './mailbox.ts';
import { MemoryReserve } from './memory-reserve.ts';
import type { Outcome } from './outcome.ts';
import { lanes, type JobPayload, type Lane } from './payload.ts';
import { type QueueStats, readQueueStats } from './queue-stats.ts';
import { readWorkerReports, type WorkerReport } from './worker-report.ts';

export interface JobQueueOptions {
  readonly redisUrl: string;
  readonly logger: Logger;
  readonly mailboxTtlMs: number;
}

export interface LaneDepth {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
}

/** A durable job under the name that the queue knows it by. */
export interface SentJob {
  readonly id: string;
  readonly generation: number;
}

export interface SendOptions {
  /** 0..1000, smaller runs sooner; 100 by default. Counts in the bulk lane only: interactive jobs run as they came. */
  readonly priority?: number;
  /** Not run before so long. */
  readonly delayMs?: number;
}

export interface EnqueueOptions extends SendOptions {
  /** The image's bytes, for a `data` source. */
  readonly input?: Uint8Array | undefined;
}

/** One of the jobs of `enqueueMany`. */
export interface QueueEntry extends SendOptions {
  readonly payload: JobPayload;
}

export type EphemeralState = 'queued' | 'active' | 'succeeded' | 'failed' | 'canceled' | 'unknown';

/**
 * The producer's side of the queue. Every method ends in under 2 s; while Redis is away it throws OcrError
 * `queue_unavailable`. Ephemeral jobs are always generation 0: they are never sent again.
 */
export interface JobQueue {
  /** A job that the queue holds already under this id and generation is silently ignored. */
  enqueue(lane: Lane, payload: JobPayload, options?: EnqueueOptions): Promise<void>;
  /**
   * Like `enqueue` for each, in chunks, each of which ends in under 2 s. When it throws, the chunks before are in the
   * queue; sending all of them again is harmless.
   */
  enqueueMany(lane: Lane, entries: readonly QueueEntry[]): Promise<void>;
  /**
   * Which of these jobs the queue will run or is running (waiting, delayed or active), in the order given; one round
   * trip per 1,000. False for those that ended, were removed or never came.
   */
  holds(lane: Lane, jobs: readonly SentJob[]): Promise<boolean[]>;
  depth(lane: Lane): Promise<LaneDepth>;
  /** What is measured of all lanes and of Redis, in one round trip. */
  stats(): Promise<QueueStats>;
  /** Workers whose heartbeat is fresh. */
  workers(): Promise<WorkerReport[]>;
  /** Of an ephemeral job; a durable one is `unknown`. One that came back to the queue after its worker died still counts as active. */
  state(id: string): Promise<EphemeralState>;
  /** Of an ephemeral job; reading does not delete it. */
  outcome(id: string): Promise<Outcome | undefined>;
  /** Deletes outcome and input, once the answer was sent. */
  discard(id: string): Promise<void>;
  /**
   * A waiting or delayed job is removed; an active one is told to stop. Unknown and finished jobs stay as they are.
   * Whoever waits for an ephemeral job finds that it was canceled; of a durable one only the store tells.
   */
  cancel(lane: Lane, id: string, generation?: number): Promise<void>;
  /** Tells who listens to a durable job (see JobNotices) that its state has changed in the store. */
  announce(id: string, state: JobState): Promise<void>;
  /** What was written last; undefined when Redis came back empty since. */
  readEpoch(): Promise<string | undefined>;
  writeEpoch(epoch: string): Promise<void>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

export function createJobQueue(options: JobQueueOptions): JobQueue {
  return new RedisJobQueue(options);
}

const canceled: Outcome = {
  ok: false,
  error: { code: 'canceled', message: 'The job was canceled', retryable: false },
};

/** Messages of finished jobs that nobody reads need not pile up in Redis. */
const maxStoredEvents = 2_000;
const maxFinishedJobs = 1_000;
const jobName = 'page';
const defaultPriority = 100;
const addChunkSize = 500;
/** What a job takes in Redis. */
const roughJobBytes = 1_000;
const lookChunkSize = 1_000;
/** Input bytes of a job without a deadline are kept for so long. */
const openEndedInputTtlMs = 600_000;
const cancelKeyTtlMs = 120_000;

class RedisJobQueue implements JobQueue {
  readonly #mailboxTtlMs: number;
  readonly #redis: FastConnection;
  readonly #memory = new MemoryReserve();
  readonly #queues: Readonly<Record<Lane, Queue>>;

  constructor({ redisUrl, logger, mailboxTtlMs }: JobQueueOptions) {
    this.#mailboxTtlMs = mailboxTtlMs;
    this.#redis = new FastConnection({ redisUrl, logger, role: 'producer' });
    const open = (lane: Lane) => {
      const queue = new Queue(lane, {
        connection: this.#redis.client,
        prefix,
        // Its INFO command, failing once, would break the queue for good; nothing here depends on the version.
        skipVersionCheck: true,
        streams: { events: { maxLen: maxStoredEvents } },
      });
      // The connection logs its own errors; unheard they would end the process.
      queue.on('error', () => undefined);
      return queue;
    };
    this.#queues = { interactive: open('interactive'), bulk: open('bulk') };
  }

  async enqueue(lane: Lane, payload: JobPayload, options: EnqueueOptions = {}): Promise<void> {
    const { input } = options;
    await this.#redis.run(async (client) => {
      await this.#memory.claim(client, { kind: payload.kind, bytes: roughJobBytes + (input?.byteLength ?? 0) });
      if (input !== undefined) {
        const ttlMs = this.#inputTtlMs(payload);
        await client.set(inputKey(payload.id), Buffer.from(input.buffer, input.byteOffset, input.length), 'PX', ttlMs);
      }
      await this.#queues[lane].add(jobName, payload, this.#jobOptions(lane, payload, options));
    });
  }

  async enqueueMany(lane: Lane, entries: readonly QueueEntry[]): Promise<void> {
    for (let start = 0; start < entries.length; start += addChunkSize) {
      const jobs = entries.slice(start, start + addChunkSize).map((entry) => ({
        name: jobName,
        data: entry.payload,
        opts: this.#jobOptions(lane, entry.payload, entry),
      }));
      await this.#redis.run(async (client) => {
        await this.#memory.look(client);
        await this.#memory.claim(client, { kind: 'durable', bytes: jobs.length * roughJobBytes });
        await this.#queues[lane].addBulk(jobs);
      });
    }
  }

  async holds(lane: Lane, jobs: readonly SentJob[]): Promise<boolean[]> {
    const held: boolean[] = [];
    for (let start = 0; start < jobs.length; start += lookChunkSize) {
      const bullIds = jobs.slice(start, start + lookChunkSize).map((job) => bullJobId(job.id, job.generation));
      held.push(...(await this.#redis.run((client) => findLive(client, lane, bullIds))));
    }
    return held;
  }

  depth(lane: Lane): Promise<LaneDepth> {
    return this.#redis.run(async () => {
      const counts = await this.#queues[lane].getJobCounts('wait', 'prioritized', 'active', 'delayed');
      const waiting = (counts['wait'] ?? 0) + (counts['prioritized'] ?? 0);
      return { waiting, active: counts['active'] ?? 0, delayed: counts['delayed'] ?? 0 };
    });
  }

  stats(): Promise<QueueStats> {
    return this.#redis.run(readQueueStats);
  }

  workers(): Promise<WorkerReport[]> {
    return this.#redis.run(readWorkerReports);
  }

  async state(id: string): Promise<EphemeralState> {
    const before = await this.outcome(id);
    if (before !== undefined) return stateOf(before);
    const queued = await this.#redis.run(() => this.#findState(id));
    if (queued === 'queued' || queued === 'active') return queued;
    // It may have ended between the two looks.
    const after = await this.outcome(id);
    return after === undefined ? queued : stateOf(after);
  }

  outcome(id: string): Promise<Outcome | undefined> {
    return this.#redis.run((client) => readOutcome(client, id));
  }

  discard(id: string): Promise<void> {
    return this.#redis.run((client) => emptyMailbox(client, id));
  }

  cancel(lane: Lane, id: string, generation = 0): Promise<void> {
    return this.#redis.run(async (client) => {
      const job = await this.#queues[lane].getJob(bullJobId(id, generation));
      if (job === undefined || job.finishedOn !== undefined) return;
      const removed = await this.#queues[lane].remove(bullJobId(id, generation));
      if (removed === 1) {
        if (jobKindOf(job) === 'durable') return;
        await client.del(inputKey(id));
        await postOutcomeIfNone(client, { id, outcome: canceled, ttlMs: this.#mailboxTtlMs });
        return;
      }
      // A worker holds its lock. The key tells a worker that misses the message.
      const bullId = bullJobId(id, generation);
      await client.publish(cancelChannel, bullId);
      await client.set(cancelKey(bullId), '1', 'PX', cancelKeyTtlMs);
    });
  }

  async announce(id: string, state: JobState): Promise<void> {
    await this.#redis.run((client) => client.publish(noticeChannel(id), state));
  }

  async readEpoch(): Promise<string | undefined> {
    return (await this.#redis.run((client) => client.get(epochKey))) ?? undefined;
  }

  async writeEpoch(epoch: string): Promise<void> {
    await this.#redis.run((client) => client.set(epochKey, epoch));
  }

  async ping(): Promise<void> {
    await this.#redis.run((client) => client.ping());
  }

  async close(): Promise<void> {
    await Promise.allSettled(lanes.map((lane) => this.#queues[lane].close()));
    await this.#redis.close();
  }

  async #findState(id: string): Promise<'queued' | 'active' | 'failed' | 'unknown'> {
    for (const lane of lanes) {
      const job = await this.#queues[lane].getJob(bullJobId(id, 0));
      // Of a durable job only the store tells.
      if (job === undefined || jobKindOf(job) === 'durable') continue;
      if (job.finishedOn !== undefined) return job.failedReason === undefined ? 'unknown' : 'failed';
      return job.processedOn === undefined ? 'queued' : 'active';
    }
    return 'unknown';
  }

  #inputTtlMs(payload: JobPayload): number {
    const runTimeMs =
      payload.deadlineAt === undefined ? openEndedInputTtlMs : Math.max(payload.deadlineAt - Date.now(), 0);
    return Math.ceil(runTimeMs + this.#mailboxTtlMs);
  }

  #jobOptions(lane: Lane, payload: JobPayload, { priority, delayMs }: SendOptions): JobsOptions {
    // Who waits for a durable job asks the store: a finished one would only take memory here.
    const keep = payload.kind === 'durable' || { age: Math.ceil(this.#mailboxTtlMs / 1000), count: maxFinishedJobs };
    return {
      // BullMQ runs jobs without a priority (0) before all others, so in the bulk lane every job has one.
      ...(lane === 'bulk' ? { priority: (priority ?? defaultPriority) + 1 } : {}),
      ...(delayMs === undefined ? {} : { delay: Math.max(Math.ceil(delayMs), 0) }),
      jobId: bullJobId(payload.id, payload.generation),
      // Whether and when to try again is decided by who knows why it failed.
      attempts: 1,
      removeOnComplete: keep,
      removeOnFail: keep,
      stackTraceLimit: 0,
    };
  }
}

function jobKindOf(job: Job<JobPayload | Record<string, never>>): JobPayload['kind'] {
  return job.data.kind ?? 'ephemeral';
}

function stateOf(outcome: Outcome): EphemeralState {
  if (outcome.ok) return 'succeeded';
  return outcome.error.code === 'canceled' ? 'canceled' : 'failed';
}
