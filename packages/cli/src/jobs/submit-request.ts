import { fileError } from '../input-error.ts';
import { ApiError } from './api-error.ts';
import { type Failure, toFailure } from './failure.ts';
import type { JobClient, SubmitOptions } from './job-client.ts';
import type { AcceptedJob } from './job-schema.ts';
import { UploadError } from './multipart.ts';
import type { PlannedRequest } from './submission-plan.ts';

/** What became of one input. */
export type SubmitOutcome =
  | { readonly kind: 'accepted'; readonly label: string; readonly job: SubmittedJob }
  | { readonly kind: 'refused'; readonly label: string; readonly failure: Failure };

export interface SubmittedJob extends AcceptedJob {
  /** Absent for one that was sent alone. */
  readonly batch?: string;
}

export interface SubmitRequestOptions {
  readonly client: Pick<JobClient, 'submit'>;
  readonly options: SubmitOptions;
  readonly idempotencyKey: string;
}

export interface RequestOutcome {
  /** One for each input, in their order but for refused ones, which come first. */
  readonly outcomes: readonly SubmitOutcome[];
  /** Set when whatever else is sent will fare the same. */
  readonly stop?: Failure;
}

/**
 * Sends one request. The API refuses a batch whole; where it names the images that are wrong, the others are sent again
 * without them, under the same key: of a refused request nothing was kept. Throws only a signal's reason.
 */
export async function submitRequest(
  planned: PlannedRequest,
  { client, options, idempotencyKey }: SubmitRequestOptions,
): Promise<RequestOutcome> {
  const outcomes: SubmitOutcome[] = [];
  let left = planned;
  while (left.inputs.length > 0) {
    try {
      const { batch, jobs } = await client.submit({ images: toImages(left), options, idempotencyKey });
      for (const [index, { label }] of left.inputs.entries()) {
        const job = jobs[index];
        if (job === undefined) throw new Error('The client gives one job for each image');
        outcomes.push({ kind: 'accepted', label, job: { ...job, ...(batch !== undefined && { batch }) } });
      }
      return { outcomes };
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof UploadError)) throw error;
      const wrong = wrongInputs(error, left.inputs.length);
      const failure = toFailure(error);
      for (const [index, { label }] of left.inputs.entries()) {
        const own = wrong.size === 0 ? failure : wrong.get(index);
        if (own !== undefined) outcomes.push({ kind: 'refused', label, failure: own });
      }
      if (error instanceof ApiError && error.isAboutAll) return { outcomes, stop: failure };
      if (wrong.size === 0) return { outcomes };
      left = without(left, wrong);
    }
  }
  return { outcomes };
}

function toImages(planned: PlannedRequest) {
  return planned.kind === 'urls'
    ? { kind: planned.kind, urls: planned.inputs.map(({ url }) => url) }
    : { kind: planned.kind, files: planned.inputs.map(({ file }) => file) };
}

function without(planned: PlannedRequest, wrong: ReadonlyMap<number, unknown>): PlannedRequest {
  const isLeft = (_: unknown, index: number) => !wrong.has(index);
  return planned.kind === 'urls'
    ? { kind: planned.kind, inputs: planned.inputs.filter(isLeft) }
    : { kind: planned.kind, inputs: planned.inputs.filter(isLeft) };
}

/** What is wrong with which input of a request; empty when the fault is none of single inputs. */
function wrongInputs(error: ApiError | UploadError, count: number): ReadonlyMap<number, Failure> {
  if (error instanceof UploadError) return new Map([[error.index, toFailure(fileError(error.cause))]]);
  const wrong = new Map<number, Failure>();
  for (const { pointer, detail } of error.violations) {
    const index = Number(/^\/(?:images|files)\/(\d{1,9})(?:\/|$)/.exec(pointer)?.[1] ?? Number.NaN);
    // One fault that is about all of them makes it useless to leave out others.
    if (!(index < count)) return new Map();
    const { errors: _, ...failure } = toFailure(error);
    wrong.set(index, { ...failure, detail });
  }
  return wrong;
}
