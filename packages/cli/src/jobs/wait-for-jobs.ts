import { setTimeout as delay } from 'node:timers/promises';
import { mapInOrder } from '../ordered-map.ts';
import { ApiError } from './api-error.ts';
import { type Failure, toFailure } from './failure.ts';
import type { JobClient } from './job-client.ts';
import { hasEnded, type Job, type JobState } from './job-schema.ts';

/** One job, or all of a batch. */
export type Watched = { readonly kind: 'job' | 'batch'; readonly id: string };

export type WaitEvent =
  | { readonly kind: 'ended'; readonly job: Job }
  /** There is nothing to wait for, or no longer. */
  | { readonly kind: 'lost'; readonly id: string; readonly failure: Failure }
  /** The time was over; `state` is what was heard last, undefined where nothing was. */
  | { readonly kind: 'unfinished'; readonly id: string; readonly state: JobState | undefined };

export interface WaitForJobsOptions {
  readonly client: Pick<JobClient, 'get' | 'list'>;
  /** Ends the wait; what has not ended then is told as unfinished. */
  readonly signal: AbortSignal;
  readonly firstPauseMs?: number;
}

const maxPauseMs = 3_000;
/** Those that come first are asked for until they have ended: jobs mostly end in the order in which they came. */
const windowSize = 8;
const requestsAtOnce = 4;
/** A service that restarts is waited for, too. */
const maxSilenceMs = 60_000;

/** Tells of each job once, when it has ended; asks again and again, ever less often. Throws `ApiError`. */
export async function* waitForJobs(
  watched: readonly Watched[],
  { client, signal, firstPauseMs = 250 }: WaitForJobsOptions,
): AsyncGenerator<WaitEvent> {
  let left = watched.map((subject) => new Watch(subject, client));
  const told = new Set<string>();
  let pauseMs = firstPauseMs;
  let answeredAt = performance.now();
  // All of them once, so that what is unknown is known at once.
  let asked = left;
  while (left.length > 0 && !signal.aborted) {
    const limits = { concurrency: requestsAtOnce, readAhead: windowSize };
    for await (const polled of mapInOrder(asked, limits, (watch) => watch.poll(signal))) {
      if (polled.kind === 'unheard') {
        if (signal.aborted) break;
        if (performance.now() - answeredAt > maxSilenceMs || !polled.error.isPassing) throw polled.error;
        continue;
      }
      answeredAt = performance.now();
      for (const event of polled.events) {
        const id = event.kind === 'ended' ? event.job.id : event.id;
        if (!told.has(id)) yield event;
        told.add(id);
      }
    }
    const before = left.length;
    left = left.filter((watch) => !watch.isDone);
    asked = left.slice(0, windowSize);
    if (left.length === 0 || left.length < before) continue;
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 1.5, maxPauseMs);
  }
  for (const event of left.flatMap((watch) => watch.unfinished())) if (!told.has(event.id)) yield event;
}

const noSuchBatch: Failure = { code: 'job_not_found', detail: 'There are no jobs of this batch' };
const alreadyForgotten: Failure = { code: 'job_not_found', detail: 'The job is already forgotten' };

type Polled =
  | { readonly kind: 'heard'; readonly events: readonly WaitEvent[] }
  | { readonly kind: 'unheard'; readonly error: ApiError };

class Watch {
  isDone = false;
  readonly #subject: Watched;
  readonly #client: WaitForJobsOptions['client'];
  /** Jobs that have not ended. */
  readonly #open = new Map<string, JobState | undefined>();
  readonly #ended = new Set<string>();

  constructor(subject: Watched, client: WaitForJobsOptions['client']) {
    this.#subject = subject;
    this.#client = client;
    if (subject.kind === 'job') this.#open.set(subject.id, undefined);
  }

  /** Rejects only with what is a defect. */
  async poll(signal: AbortSignal): Promise<Polled> {
    try {
      const jobs = await this.#jobs(signal);
      if (jobs.length === 0 && this.#ended.size === 0) return { kind: 'heard', events: this.#lose(noSuchBatch) };
      const ended = jobs.filter((job) => this.#note(job)).map((job) => ({ kind: 'ended' as const, job }));
      const listed = new Set(jobs.map(({ id }) => id));
      const forgotten = [...this.#open.keys()].filter((id) => !listed.has(id));
      for (const id of forgotten) this.#open.delete(id);
      this.isDone = this.#open.size === 0;
      const lost = forgotten.map((id) => ({ kind: 'lost' as const, id, failure: alreadyForgotten }));
      return { kind: 'heard', events: [...ended, ...lost] };
    } catch (error) {
      if (signal.aborted) return { kind: 'unheard', error: new ApiError('api_unreachable', 'Interrupted') };
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 404) return { kind: 'unheard', error };
      return { kind: 'heard', events: this.#lose(toFailure(error)) };
    }
  }

  unfinished(): Extract<WaitEvent, { kind: 'unfinished' }>[] {
    if (this.#open.size === 0) return [{ kind: 'unfinished', id: this.#subject.id, state: undefined }];
    return [...this.#open].map(([id, state]) => ({ kind: 'unfinished' as const, id, state }));
  }

  async #jobs(signal: AbortSignal): Promise<Job[]> {
    const { kind, id } = this.#subject;
    if (kind === 'job') return [await this.#client.get(id, { signal })];
    const jobs: Job[] = [];
    const pages = this.#client.list({ batch: id }, { limit: Number.POSITIVE_INFINITY, signal });
    for await (const page of pages) jobs.push(...page);
    return jobs;
  }

  /** Whether it has ended since it was last heard of. */
  #note(job: Job): boolean {
    if (!hasEnded(job.state)) {
      this.#open.set(job.id, job.state);
      return false;
    }
    this.#open.delete(job.id);
    if (this.#ended.has(job.id)) return false;
    this.#ended.add(job.id);
    return true;
  }

  #lose(failure: Failure): WaitEvent[] {
    this.isDone = true;
    return [{ kind: 'lost', id: this.#subject.id, failure }];
  }
}
