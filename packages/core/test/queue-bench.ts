import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '../src/logging.ts';
import {
  type ClaimedJob,
  createJobAwaiter,
  createJobQueue,
  createLaneConsumer,
  type HandlerAnswer,
  type JobAwaiter,
  type JobPayload,
  type JobQueue,
  type JobResult,
  type Lane,
  type LaneConsumer,
  type LaneConsumerOptions,
  type LaneEvent,
  type Outcome,
} from '../src/queue/queue.ts';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';

export const logger = createLogger({ service: 'test', level: 'silent' });

export function payloadOf(changes: Partial<JobPayload> = {}): JobPayload {
  return {
    version: 1,
    id: randomUUID(),
    generation: 0,
    kind: 'ephemeral',
    source: { kind: 'url', url: 'https://images.example/card.png?token=secret' },
    enqueuedAt: Date.now(),
    ...changes,
  };
}

export function durablePayloadOf(changes: Partial<JobPayload> = {}): JobPayload {
  return payloadOf({ kind: 'durable', ...changes });
}

export function resultOf(text: string): JobResult {
  return {
    width: 100,
    height: 40,
    model: 'small',
    lines: [
      {
        text,
        confidence: 0.9,
        box: [
          [0, 0],
          [10, 0],
          [10, 5],
          [0, 5],
        ],
      },
    ],
    timings: { detect: 1 },
  };
}

export function success(text: string): Outcome {
  return { ok: true, result: resultOf(text) };
}

/** Runs until its signal fires, as an engine that is stopped would. */
export async function untilAborted(job: ClaimedJob): Promise<Outcome> {
  await new Promise((resolve) => {
    job.signal.addEventListener('abort', resolve, { once: true });
  });
  return { ok: false, error: { code: 'internal', message: 'stopped', retryable: true } };
}

/** As a handler of durable jobs does: what it did not end, it gives back. */
export async function heldUntilAborted(job: ClaimedJob): Promise<HandlerAnswer> {
  const failure = await untilAborted(job);
  return job.signal.reason === 'drain' ? 'give_back' : failure;
}

/** All parts of the queue over one Redis; `close` ends what was opened. */
export interface QueueBench {
  readonly redis: TestRedis;
  readonly queue: JobQueue;
  readonly awaiter: JobAwaiter;
  readonly events: LaneEvent[];
  consume(handle: (job: ClaimedJob) => Promise<HandlerAnswer>, changes?: Partial<LaneConsumerOptions>): LaneConsumer;
  /** The way of POST /analyze: wait, add, get the outcome. */
  request(payload: JobPayload, options?: { lane?: Lane; timeoutMs?: number }): Promise<Outcome>;
  close(): Promise<void>;
}

export async function openBench(options: { pollIntervalMs?: number } = {}): Promise<QueueBench> {
  const redis = await startRedis();
  const queue = createJobQueue({ redisUrl: redis.url, logger, mailboxTtlMs: 60_000 });
  const awaiter = createJobAwaiter({ redisUrl: redis.url, queue, logger, ...options });
  const consumers: LaneConsumer[] = [];
  const events: LaneEvent[] = [];
  await eventually(() => queue.ping().then(() => true));
  return {
    redis,
    queue,
    awaiter,
    events,
    consume(handle, changes = {}) {
      const consumer = createLaneConsumer({
        redisUrl: redis.url,
        logger,
        slots: 2,
        mailboxTtlMs: 60_000,
        handle,
        report: () => ({ engines: 2, busy: 0, meanPageMs: 100 }),
        onEvent: (event) => events.push(event),
        ...changes,
      });
      consumers.push(consumer);
      consumer.run();
      return consumer;
    },
    async request(payload, { lane = 'interactive', timeoutMs = 20_000 } = {}) {
      const awaited = await awaiter.expect(payload.id);
      try {
        await queue.enqueue(lane, payload);
        return await awaited.outcome(Date.now() + timeoutMs);
      } finally {
        awaited.release();
      }
    },
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.close()));
      await awaiter.close();
      await queue.close();
      await redis.stop();
    },
  };
}

/** Waits for a condition, for longer than any machine would need; what it throws counts as not yet. */
export async function eventually(condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const met = await Promise.resolve()
      .then(condition)
      .catch(() => false);
    if (met) return;
    if (Date.now() > end) throw new Error(`Not met within ${timeoutMs} ms: ${condition.toString()}`);
    await delay(20);
  }
}
