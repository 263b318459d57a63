import { createHash, randomUUIDv7 } from 'node:crypto';
import { OcrError } from '@glyphmill/core/errors';
import { type JobSender, type Lane, type QueueEntry, toDurablePayload } from '@glyphmill/core/queue';
import type { AcceptedJob, JobStore, NewJob } from '@glyphmill/core/store';
import { type Span, startSendSpan, type Tracer } from '@glyphmill/core/tracing';
import type { Admission } from '../admission.ts';
import type { ApiMetrics } from '../api-metrics.ts';
import { acceptSurely } from './accept-surely.ts';
import type { BulkAdmission } from './bulk-admission.ts';
import { idempotencyOf } from './idempotency.ts';
import { askForNewOnes } from './known-keys.ts';
import type { Submission } from './submission.ts';

export interface AcceptDependencies {
  readonly store: Pick<JobStore, 'accept' | 'knownKeys' | 'now'>;
  readonly sender: JobSender;
  readonly bulkAdmission: BulkAdmission;
  /** Of the interactive lane. */
  readonly admission: Admission;
  readonly metrics: Pick<ApiMetrics, 'jobsAccepted'>;
  readonly tracer: Tracer;
  /** For jobs that do not say when they are no longer wanted; absent: they wait for ever. */
  readonly jobDeadlineMs?: number | undefined;
}

export interface AcceptRequest {
  readonly submission: Submission;
  readonly idempotencyKey: string | undefined;
  readonly requestId: string;
  /** Of the request's span. */
  readonly traceparent: string | undefined;
  /** Whether the caller waits for the end, which may be worth a place in the interactive lane. */
  readonly waits: boolean;
}

export interface Acceptance {
  /** The batch that the jobs belong to; absent for a single, and where known jobs of different batches came together. */
  readonly batchId?: string | undefined;
  /** In the order of the images. */
  readonly jobs: readonly AcceptedJob[];
}

/**
 * Makes the jobs of a submission, or finds those that its keys stand for. From its return on they are kept, whatever
 * dies; the queue hears of them in the background. Throws `queue_full`, `idempotency_conflict`, `store_unavailable`,
 * `storage_full`; nothing is kept then.
 */
export async function acceptSubmission(request: AcceptRequest, dependencies: AcceptDependencies): Promise<Acceptance> {
  const { submission } = request;
  const keys = idempotencyOf(submission, request.idempotencyKey);
  const room = await askForNewOnes((count) => dependencies.bulkAdmission.admit(count), {
    keys: keys.map((idempotency) => idempotency?.key),
    store: dependencies.store,
  });
  let created = 0;
  try {
    const place = await interactivePlace(request, dependencies);
    const lane: Lane = place === undefined ? 'bulk' : 'interactive';
    const batchId = submission.kind === 'batch' ? batchIdOf(request) : undefined;
    const jobs = await toNewJobs({ request, dependencies, lane, batchId, keys });
    let accepted: readonly AcceptedJob[];
    try {
      accepted = await accept(jobs, request, dependencies);
    } catch (error) {
      place?.release();
      throw toConflictOfRequest(error, request);
    }
    const fresh = freshOf(jobs, accepted);
    created = fresh.length;
    dependencies.metrics.jobsAccepted.inc({ lane }, created);
    void send(fresh, { request, dependencies, lane }).then(() => place?.release());
    return { batchId: batchId === undefined ? undefined : sharedBatch(batchId, accepted), jobs: accepted };
  } finally {
    room?.settle(created);
  }
}

/** Who waits for a single job gets the lane of those who wait, when there is room in it; else it is a job as any. */
async function interactivePlace(
  { submission, waits }: AcceptRequest,
  { admission }: AcceptDependencies,
): Promise<{ release(): void } | undefined> {
  if (submission.kind === 'batch' || !waits) return undefined;
  return admission.admit().catch(() => undefined);
}

interface Making {
  readonly request: AcceptRequest;
  readonly dependencies: AcceptDependencies;
  readonly lane: Lane;
  readonly batchId: string | undefined;
  readonly keys: ReturnType<typeof idempotencyOf>;
}

/** The same for the same key: what is made anew, of a batch whose older jobs were deleted, belongs to it again. */
function batchIdOf({ idempotencyKey }: AcceptRequest): string {
  return idempotencyKey === undefined ? randomUUIDv7() : uuidOf(`batch ${idempotencyKey}`);
}

/** A UUID of version 8 (RFC 9562): its bits are ours to choose. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

async function toNewJobs({ request, dependencies, lane, batchId, keys }: Making): Promise<NewJob[]> {
  const { jobDeadlineMs, store } = dependencies;
  const hasDeadlines = jobDeadlineMs !== undefined || request.submission.images.some((image) => image.deadlineMs);
  const now = hasDeadlines ? await store.now() : 0;
  return request.submission.images.map((image, index) => {
    const deadlineMs = image.deadlineMs ?? jobDeadlineMs;
    const idempotency = keys[index];
    return {
      id: randomUUIDv7(),
      ...(batchId !== undefined && { batch: { id: batchId, index } }),
      lane,
      priority: image.priority,
      source: image.source,
      ...(idempotency && { idempotency }),
      ...(image.metadata && { metadata: image.metadata }),
      ...(image.callbackUrl !== undefined && { callbackUrl: image.callbackUrl }),
      ...(deadlineMs !== undefined && { deadlineAt: now + deadlineMs }),
      requestId: request.requestId,
    };
  });
}

async function accept(
  jobs: readonly NewJob[],
  { traceparent }: AcceptRequest,
  { store, tracer }: AcceptDependencies,
): Promise<readonly AcceptedJob[]> {
  const span = tracer.start('accept', { parent: traceparent });
  try {
    return await acceptSurely(store, jobs);
  } catch (error) {
    span.fail(OcrError.from(error).code);
    throw error;
  } finally {
    span.end();
  }
}

/** Those that were made now; the others have been sent already, or the reconciler will. */
function freshOf(jobs: readonly NewJob[], accepted: readonly AcceptedJob[]): readonly NewJob[] {
  return jobs.filter((_, index) => accepted[index]?.created === true);
}

/** Resolves when the jobs are in the queue or were given up; never rejects. */
async function send(
  jobs: readonly NewJob[],
  { request, dependencies, lane }: Pick<Making, 'request' | 'dependencies' | 'lane'>,
): Promise<void> {
  if (jobs.length === 0) return;
  const { sender, tracer } = dependencies;
  const span = startSendSpan(tracer, { lane, jobIds: jobs.map(({ id }) => id), parent: request.traceparent });
  await sender.send(lane, entriesOf(jobs, span));
  span.end();
}

function entriesOf(jobs: readonly NewJob[], { traceparent }: Pick<Span, 'traceparent'>): QueueEntry[] {
  const enqueuedAt = Date.now();
  return jobs.map((job) => ({
    payload: toDurablePayload({ ...job, generation: 0, traceparent }, enqueuedAt),
    priority: job.priority,
  }));
}

function sharedBatch(batchId: string, accepted: readonly AcceptedJob[]): string | undefined {
  if (accepted.some(({ created }) => created)) return batchId;
  const [first] = accepted;
  return accepted.every((job) => job.batchId === first?.batchId) ? first?.batchId : undefined;
}

/** A single image has no `images` that a violation could point into. */
function toConflictOfRequest(error: unknown, { submission, idempotencyKey }: AcceptRequest): unknown {
  if (!(error instanceof OcrError) || error.code !== 'idempotency_conflict' || submission.kind === 'batch')
    return error;
  const pointer = idempotencyKey === undefined ? '/idempotency_key' : 'Idempotency-Key';
  return new OcrError(error.code, error.message, {
    violations: error.violations.map(({ detail }) => ({ pointer, detail })),
  });
}
