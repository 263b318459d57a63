import { z } from 'zod';
import { OcrError } from '@glyphmill/core/errors';
import type { JobQueue, Outcome } from '@glyphmill/core/queue';
import type { JobStore } from '@glyphmill/core/store';
import { toAnalysis } from '@glyphmill/core/analysis';
import { toProblem } from '@glyphmill/http/problem';
import { type JobBody, toJobBody } from './job-body.ts';

export interface FindJobOptions {
  readonly store: Pick<JobStore, 'get' | 'position'>;
  readonly queue: Pick<JobQueue, 'outcome' | 'state'>;
  readonly requestId: string;
}

export interface FoundJob {
  readonly kind: 'durable' | 'ephemeral';
  readonly body: JobBody;
}

const idSchema = z.uuid();

/** The id in a path, as it is kept; throws `job_not_found` for what can be no job's. */
export function parseJobId(text: string): string {
  const id = idSchema.safeParse(text.toLowerCase());
  if (!id.success) throw jobNotFound();
  return id.data;
}

export function jobNotFound(): OcrError {
  return new OcrError('job_not_found', 'There is no such job, or it is already forgotten');
}

/**
 * A job of either kind by its id: durable ones are in the store, ephemeral ones are known to the queue until they are
 * forgotten. A store that is away hides no ephemeral job.
 */
export async function findJob(id: string, options: FindJobOptions): Promise<FoundJob | undefined> {
  let storeError: unknown;
  try {
    const body = await findDurable(id, options);
    if (body !== undefined) return { kind: 'durable', body };
  } catch (error) {
    storeError = error;
  }
  const body = await findEphemeral(id, options).catch((error: unknown) => {
    throw storeError ?? error;
  });
  if (body !== undefined) return { kind: 'ephemeral', body };
  if (storeError !== undefined) throw OcrError.from(storeError);
  return undefined;
}

async function findDurable(id: string, { store, requestId }: FindJobOptions): Promise<JobBody | undefined> {
  const job = await store.get(id);
  if (job === undefined) return undefined;
  const position = job.state === 'queued' ? await store.position(id) : undefined;
  return toJobBody(job, { requestId, position });
}

async function findEphemeral(
  id: string,
  { queue, requestId }: Pick<FindJobOptions, 'queue' | 'requestId'>,
): Promise<JobBody | undefined> {
  const outcome = await queue.outcome(id);
  if (outcome !== undefined) return finishedBody(id, outcome, requestId);
  const state = await queue.state(id);
  if (state === 'queued' || state === 'active' || state === 'canceled') return { id, state };
  if (state === 'unknown') return undefined;
  // It ended between the two questions; or the queue gave it up without any worker saying why.
  const late = await queue.outcome(id);
  if (late !== undefined) return finishedBody(id, late, requestId);
  return state === 'failed' ? { id, state, error: toProblem(OcrError.from(undefined), requestId) } : undefined;
}

function finishedBody(id: string, outcome: Outcome, requestId: string): JobBody {
  if (outcome.ok) return { id, state: 'succeeded', result: toAnalysis(outcome.result) };
  const error = OcrError.fromWire(outcome.error);
  return { id, state: error.code === 'canceled' ? 'canceled' : 'failed', error: toProblem(error, requestId) };
}
