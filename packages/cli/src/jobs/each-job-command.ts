import { mapInOrder } from '../ordered-map.ts';
import { ApiError } from './api-error.ts';
import { type Failure, toFailure } from './failure.ts';
import type { Job } from './job-schema.ts';
import type { JobsCommand } from './jobs-options.ts';
import type { JobsSurroundings } from './jobs-surroundings.ts';
import { formatJob, formatRow, nameOf } from './print-jobs.ts';

const requestsAtOnce = 4;

/** Does the same to each job and prints them in the order given. Returns the exit code: 1 when any could not be done. */
export async function runEachJob(
  { name, ids }: Extract<JobsCommand, { name: 'show' | 'cancel' | 'retry' }>,
  { client, printer, signal }: JobsSurroundings,
): Promise<number> {
  const act = { show: client.get, cancel: client.cancel, retry: client.retry }[name];
  let code = 0;
  let stop: Failure | undefined;
  const limits = { concurrency: requestsAtOnce, readAhead: requestsAtOnce * 4 };
  const outcomes = mapInOrder(ids, limits, async (id): Promise<{ id: string; job?: Job; failure?: Failure }> => {
    if (stop !== undefined) return { id, failure: stop };
    try {
      return { id, job: await act(id) };
    } catch (error) {
      if (!(error instanceof ApiError) && !signal.aborted) throw error;
      const failure = toFailure(error);
      if (error instanceof ApiError && error.isAboutAll) stop = failure;
      return { id, failure };
    }
  });
  for await (const { id, job, failure } of outcomes) {
    if (signal.aborted) return code;
    if (job !== undefined) await printer.result(name === 'show' ? formatJob(job) : formatRow(job, nameOf(job)), job);
    if (failure === undefined) continue;
    await printer.failure(id, failure, { id });
    code = 1;
  }
  return code;
}

/** Retries all failed jobs that there are now; those that fail again meanwhile are not tried a third time. */
export async function runRetryFailed(
  { batch }: Extract<JobsCommand, { name: 'retry-failed' }>,
  surroundings: JobsSurroundings,
): Promise<number> {
  const { client, printer } = surroundings;
  const ids: string[] = [];
  for await (const jobs of client.list({ states: ['failed'], batch }, { limit: Number.POSITIVE_INFINITY })) {
    ids.push(...jobs.map(({ id }) => id));
  }
  if (ids.length === 0) printer.note('No failed jobs');
  return runEachJob({ name: 'retry', ids }, surroundings);
}
