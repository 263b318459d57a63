import { randomUUIDv7 } from 'node:crypto';
import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import { startSendSpan, type Tracer } from '@glyphmill/core/tracing';
import type { JobAwaiter, JobPayload, JobQueue, JobResult, Outcome } from '@glyphmill/core/queue';
import type { Admission } from './admission.ts';
import type { ApiMetrics } from './api-metrics.ts';
import type { ReceivedImage } from './receive-image.ts';
import type { PendingWork } from '@glyphmill/http/pending-work';
import type { Preferences } from './prefer-header.ts';

export interface AnalyzeDependencies {
  readonly queue: JobQueue;
  readonly awaiter: JobAwaiter;
  readonly admission: Admission;
  readonly metrics: Pick<ApiMetrics, 'admissionRefused' | 'awaitTimeouts'>;
  readonly tracer: Tracer;
  readonly logger: Logger;
  /** Cleaning up goes on after the answer; it must end before the queue is closed. */
  readonly cleanUps: PendingWork;
  readonly syncTimeoutMs: number;
  readonly mailboxTtlMs: number;
}

export interface AnalyzeRequest {
  readonly image: ReceivedImage;
  readonly preferences: Preferences;
  readonly requestId: string;
  /** Of the request's span. */
  readonly traceparent: string | undefined;
  /** Fires when the caller has hung up. */
  readonly signal: AbortSignal;
  onJob(id: string): void;
}

export type AnalyzeAnswer =
  | { readonly kind: 'done'; readonly result: JobResult }
  /** The caller asks for the answer later, by the job's id. */
  | { readonly kind: 'accepted'; readonly id: string };

/**
 * One image through the queue, for a caller who waits. Throws the job's own error, `queue_full`, `queue_unavailable`,
 * `deadline_exceeded`, or `canceled` when the caller has hung up; whenever it throws, nothing of the job goes on.
 */
export async function analyze(request: AnalyzeRequest, dependencies: AnalyzeDependencies): Promise<AnalyzeAnswer> {
  const { awaiter, queue } = dependencies;
  const id = randomUUIDv7();
  // Subscribed before the job is in the queue: its answer may come before `enqueue` has returned.
  const [admitted, waiter] = await bothOrNeither(admit(dependencies), awaiter.expect(id));
  try {
    request.onJob(id);
    const payload = toPayload(id, request, dependencies);
    const outcome = await untilAbandoned(id, request, dependencies, async () => {
      await send(payload, request, dependencies);
      request.image.release();
      admitted.release();
      const deadlineAt = payload.enqueuedAt + patienceMs(request, dependencies);
      return waiter.outcome(deadlineAt, request.preferences.respondAsync ? undefined : request.signal);
    });
    if (outcome === 'goes_on') return { kind: 'accepted', id };
    // Not waited for: the caller has the answer already, and what stays behind has a time to live.
    inBackground(queue.discard(id), id, dependencies);
    if (!outcome.ok) {
      // The worker keeps the same deadline, and may be the first to notice.
      if (outcome.error.code === 'deadline_exceeded') dependencies.metrics.awaitTimeouts.inc();
      throw OcrError.fromWire(outcome.error);
    }
    return { kind: 'done', result: outcome.result };
  } finally {
    waiter.release();
    admitted.release();
  }
}

async function send(
  payload: JobPayload,
  { image, traceparent }: AnalyzeRequest,
  { queue, tracer }: AnalyzeDependencies,
): Promise<void> {
  const span = startSendSpan(tracer, { lane: 'interactive', jobIds: [payload.id], parent: traceparent });
  try {
    await queue.enqueue('interactive', { ...payload, traceparent: span.traceparent }, { input: image.takeInput() });
  } catch (error) {
    span.fail(OcrError.from(error).code);
    throw error;
  } finally {
    span.end();
  }
}

interface Releasable {
  release(): void;
}

/** Two trips to Redis at the same time; when one fails, what the other got is released. */
async function bothOrNeither<A extends Releasable, B extends Releasable>(
  first: Promise<A>,
  second: Promise<B>,
): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value];
  if (a.status === 'fulfilled') a.value.release();
  if (b.status === 'fulfilled') b.value.release();
  throw a.status === 'rejected' ? a.reason : (b as PromiseRejectedResult).reason;
}

async function admit({ admission, metrics }: AnalyzeDependencies): Promise<{ release(): void }> {
  try {
    return await admission.admit();
  } catch (error) {
    if (error instanceof OcrError && error.code === 'queue_full') metrics.admissionRefused.inc({ lane: 'interactive' });
    throw error;
  }
}

/** Runs the wait; when it fails, the job is canceled, unless the caller wanted it to go on past the deadline. */
async function untilAbandoned(
  id: string,
  { preferences, signal }: AnalyzeRequest,
  dependencies: AnalyzeDependencies,
  wait: () => Promise<Outcome>,
): Promise<Outcome | 'goes_on'> {
  try {
    if (signal.aborted && !preferences.respondAsync) throw new Error('Gone before the job was sent');
    return await wait();
  } catch (error) {
    if (error instanceof OcrError && error.code === 'deadline_exceeded') {
      dependencies.metrics.awaitTimeouts.inc();
      if (preferences.respondAsync) return 'goes_on';
    }
    inBackground(abandon(id, dependencies.queue), id, dependencies);
    if (signal.aborted) throw new OcrError('canceled', 'The caller hung up', { cause: error });
    throw error;
  }
}

async function abandon(id: string, queue: JobQueue): Promise<void> {
  await queue.cancel('interactive', id);
  await queue.discard(id);
}

function inBackground(work: Promise<void>, id: string, { cleanUps, logger }: AnalyzeDependencies): void {
  cleanUps.track(work).catch((error: unknown) => {
    logger.warn({ jobId: id, reason: error instanceof Error ? error.message : 'unknown' }, 'Job was not cleaned up');
  });
}

function patienceMs({ preferences }: AnalyzeRequest, { syncTimeoutMs }: AnalyzeDependencies): number {
  return Math.min(syncTimeoutMs, preferences.waitMs ?? syncTimeoutMs);
}

function toPayload(id: string, request: AnalyzeRequest, dependencies: AnalyzeDependencies): JobPayload {
  const enqueuedAt = Date.now();
  // Who asks later gets as long as an answer would be kept for them.
  const usefulMs = request.preferences.respondAsync
    ? Math.max(dependencies.syncTimeoutMs, dependencies.mailboxTtlMs)
    : patienceMs(request, dependencies);
  return {
    version: 1,
    id,
    generation: 0,
    kind: 'ephemeral',
    source: request.image.source,
    enqueuedAt,
    deadlineAt: enqueuedAt + usefulMs,
    requestId: request.requestId,
  };
}
