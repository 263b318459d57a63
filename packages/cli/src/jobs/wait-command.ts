import { ApiError } from './api-error.ts';
import type { Job, JobState } from './job-schema.ts';
import type { JobsCommand, WaitOptions } from './jobs-options.ts';
import type { JobsSurroundings } from './jobs-surroundings.ts';
import { formatRow, nameOf } from './print-jobs.ts';
import { waitForJobs, type WaitEvent, type Watched } from './wait-for-jobs.ts';

/** Returns the exit code: 0 when all that was waited for succeeded. */
export async function runWait(
  { ids, batches, options }: Extract<JobsCommand, { name: 'wait' }>,
  surroundings: JobsSurroundings,
): Promise<number> {
  const watched = [
    ...batches.map((id) => ({ kind: 'batch' as const, id })),
    ...ids.map((id) => ({ kind: 'job' as const, id })),
  ];
  return waitAndPrint(watched, { ...options, surroundings, known: new Map() });
}

export interface WaitAndPrintOptions extends WaitOptions {
  readonly surroundings: JobsSurroundings;
  /** Jobs that the one who waits has just made, by id: what they are called, and their state by then. */
  readonly known: ReadonlyMap<string, { readonly label: string; readonly state: JobState }>;
}

export async function waitAndPrint(
  watched: readonly Watched[],
  { surroundings, known, timeoutMs }: WaitAndPrintOptions,
): Promise<number> {
  const { client, printer, signal } = surroundings;
  const ends = timeoutMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const told = new Set<string>();
  const tally = { failed: 0, unfinished: 0, unheard: 0 };
  const printUntold = async (): Promise<void> => {
    for (const [id, { label, state }] of known) {
      if (told.has(id)) continue;
      tally.unfinished++;
      await print({ kind: 'unfinished', id, state }, label, surroundings);
    }
  };
  try {
    for await (const event of waitForJobs(watched, { client, signal: ends })) {
      if (event.kind === 'unfinished' && event.state === undefined) {
        tally.unheard++;
        continue;
      }
      const id = event.kind === 'ended' ? event.job.id : event.id;
      told.add(id);
      if (event.kind === 'unfinished') tally.unfinished++;
      else if (event.kind === 'lost' || event.job.state !== 'succeeded') tally.failed++;
      await print(event, known.get(id)?.label, surroundings);
    }
  } finally {
    // Also when the API went away for good: nobody else knows the ids of jobs that were just made.
    await printUntold();
  }
  const open = known.size > 0 ? tally.unfinished : tally.unfinished + tally.unheard;
  if (open > 0) printer.note(`${open} of what was waited for had not ended`);
  return open + tally.failed > 0 ? 1 : 0;
}

async function print(event: WaitEvent, name: string | undefined, surroundings: JobsSurroundings): Promise<void> {
  const { printer } = surroundings;
  const input = name === undefined ? {} : { input: name };
  switch (event.kind) {
    case 'ended': {
      const { job } = event;
      const full = printer.json ? await withResult(job, surroundings) : job;
      return printer.result(formatRow(job, name ?? nameOf(job)), { ...input, ...full });
    }
    case 'lost': {
      const { id, failure } = event;
      return printer.failure(name ?? id, failure, { ...input, id });
    }
    case 'unfinished': {
      const { id, state } = event;
      if (state === undefined) return undefined;
      return printer.result(formatRow({ id, state }, name ?? ''), { ...input, id, state });
    }
  }
}

/** Lists have no texts. A job that was told ended stays so, even if its text cannot be had. */
async function withResult(job: Job, { client, signal }: JobsSurroundings): Promise<Job> {
  if (job.state !== 'succeeded' || job.result !== undefined) return job;
  try {
    return await client.get(job.id);
  } catch (error) {
    if (error instanceof ApiError || signal.aborted) return job;
    throw error;
  }
}
