import { Queue, type JobsOptions } from 'bullmq';
import type { Logger } from '../logging.ts';
import { FastConnection } from './fast-connection.ts';
import { bullJobId, cancelChannel, cancelKey, inputKey, prefix } from './keys.ts';
import { emptyMailbox, postOutcomeIfNone, readOutcome } from './mailbox.ts';
import type { Outcome } from './outcome.ts';
import { lanes, type JobPayload, type Lane } from './payload.ts';
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

export type EphemeralState = 'queued' | 'active' | 'succeeded' | 'failed' | 'canceled' | 'unknown';

/**
 * The producer's side of the queue. Every method ends in under 2 s; while Redis is away it throws OcrError
 * `queue_unavailable`. Ephemeral jobs are always generation 0: they are never sent again.
 */
export interface JobQueue {
  /** `input`: the image's bytes, for a `data` source. */
  enqueue(lane: Lane, payload: JobPayload, input?: Uint8Array): Promise<void>;
  depth(lane: Lane): Promise<LaneDepth>;
  /** Workers whose heartbeat is fresh. */
  workers(): Promise<WorkerReport[]>;
  /** Of an ephemeral job. One that came back to the queue after its worker died still counts as active. */
  state(id: string): Promise<EphemeralState>;
  /** Of an ephemeral job; reading does not delete it. */
  outcome(id: string): Promise<Outcome | undefined>;
  /** Deletes outcome and input, once the answer was sent. */
  discard(id: string): Promise<void>;
  /** A waiting job is removed; an active one is told to stop. Unknown and finished jobs stay as they are. */
  cancel(lane: Lane, id: string, generation?: number): Promise<void>;
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
/** Input bytes of a job without a deadline are kept for so long. */
const openEndedInputTtlMs = 600_000;
const cancelKeyTtlMs = 120_000;

class RedisJobQueue implements JobQueue {
  readonly #mailboxTtlMs: number;
  readonly #redis: FastConnection;
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

  async enqueue(lane: Lane, payload: JobPayload, input?: Uint8Array): Promise<void> {
    await this.#redis.run(async (client) => {
      if (input !== undefined) {
        const ttlMs = this.#inputTtlMs(payload);
        await client.set(inputKey(payload.id), Buffer.from(input.buffer, input.byteOffset, input.length), 'PX', ttlMs);
      }
      await this.#queues[lane].add('page', payload, this.#jobOptions(payload));
    });
  }

  depth(lane: Lane): Promise<LaneDepth> {
    return this.#redis.run(async () => {
      const counts = await this.#queues[lane].getJobCounts('wait', 'prioritized', 'active', 'delayed');
      const waiting = (counts['wait'] ?? 0) + (counts['prioritized'] ?? 0);
      return { waiting, active: counts['active'] ?? 0, delayed: counts['delayed'] ?? 0 };
    });
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
        await client.del(inputKey(id));
        await postOutcomeIfNone(client, { id, outcome: canceled, ttlMs: this.#mailboxTtlMs });
        return;
      }
      // A worker holds its lock. The key tells a worker that misses the message.
      await client.set(cancelKey(id), '1', 'PX', cancelKeyTtlMs);
      await client.publish(cancelChannel, id);
    });
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
      if (job === undefined) continue;
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

  #jobOptions(payload: JobPayload): JobsOptions {
    const keep = { age: Math.ceil(this.#mailboxTtlMs / 1000), count: maxFinishedJobs };
    return {
      jobId: bullJobId(payload.id, payload.generation),
      // Whether and when to try again is decided by who knows why it failed.
      attempts: 1,
      removeOnComplete: keep,
      removeOnFail: keep,
      stackTraceLimit: 0,
    };
  }
}

function stateOf(outcome: Outcome): EphemeralState {
  if (outcome.ok) return 'succeeded';
  return outcome.error.code === 'canceled' ? 'canceled' : 'failed';
}
