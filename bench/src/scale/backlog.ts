import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const jobSchema = z.object({
  id: z.string(),
  state: z.enum(['queued', 'active', 'succeeded', 'failed', 'canceled']),
  attempts: z.number(),
  finished_at: z.coerce.date().optional(),
});
export type BacklogJob = z.infer<typeof jobSchema>;

const listSchema = z.object({ jobs: z.array(jobSchema) });
const acceptedSchema = z.object({ batch: z.string(), jobs: z.array(z.object({ id: z.string() })) });

/** Durable jobs of one batch, at most 1,000. */
export interface Backlog {
  readonly batch: string;
  /** As accepted. */
  readonly ids: readonly string[];
}

export async function submitBacklog(apiUrl: string, imageUrls: readonly string[]): Promise<Backlog> {
  const response = await fetch(`${apiUrl}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ images: imageUrls.map((url) => ({ image_url: url })) }),
  });
  if (response.status !== 202) throw new Error(`${response.status} ${(await response.text()).slice(0, 300)}`);
  const { batch, jobs } = acceptedSchema.parse(await response.json());
  return { batch, ids: jobs.map(({ id }) => id) };
}

/** Undefined while the store is too busy to tell. */
async function readBacklog(apiUrl: string, { batch }: Backlog): Promise<BacklogJob[] | undefined> {
  const response = await fetch(`${apiUrl}/jobs?batch=${batch}&limit=1000`);
  if (response.status === 503) return undefined;
  if (!response.ok) throw new Error(`${response.status} ${(await response.text()).slice(0, 300)}`);
  return listSchema.parse(await response.json()).jobs;
}

/** Resolves with the jobs once so many of them have ended; looks twice a second if not said otherwise. */
export async function untilEnded(
  apiUrl: string,
  backlog: Backlog,
  { count = backlog.ids.length, lookEveryMs = 500 }: { readonly count?: number; readonly lookEveryMs?: number } = {},
): Promise<BacklogJob[]> {
  for (;;) {
    const jobs = await readBacklog(apiUrl, backlog);
    if (jobs !== undefined && jobs.filter(hasEnded).length >= count) return jobs;
    await sleep(lookEveryMs);
  }
}

function hasEnded({ state }: BacklogJob): boolean {
  return state !== 'queued' && state !== 'active';
}

/** What is wrong with the books, in words: each accepted job has to have succeeded, and there may be no others. */
export function booksAreWrong(backlog: Backlog, jobs: readonly BacklogJob[]): string[] {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const accepted = new Set(backlog.ids);
  return [
    ...backlog.ids.flatMap((id) => {
      const state = byId.get(id)?.state ?? 'lost';
      return state === 'succeeded' ? [] : [`${id} is ${state}`];
    }),
    ...jobs.filter(({ id }) => !accepted.has(id)).map(({ id }) => `${id} was accepted by nobody`),
  ];
}

/**
 * Pages a second while every worker had enough to do: the first and the last `edge` ends are left out, since workers begin
 * and run dry one by one. NaN when nothing is left.
 */
export function paceOf(finishedAtMs: readonly number[], edge: number): number {
  const sorted = finishedAtMs.toSorted((a, b) => a - b);
  const inner = sorted.slice(edge, sorted.length - edge);
  const [first = Number.NaN, last = Number.NaN] = [inner[0], inner.at(-1)];
  return ((inner.length - 1) * 1000) / (last - first);
}
