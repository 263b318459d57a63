import { OcrError } from '../../src/errors.ts';
import type { JobState, PendingJob } from '../../src/store/store.ts';

/** A job as the port's comments promise it. */
export interface ModelJob {
  readonly id: string;
  readonly hasCallback: boolean;
  state: JobState;
  generation: number;
  attempts: number;
  /** Of the claim that holds. */
  token: string | undefined;
  leaseUntil: number;
  touchedAt: number;
  deadlineAt: number | undefined;
  nextAttemptAt: number | undefined;
  errorCode: string | undefined;
  text: string | undefined;
  /** Ends that its callback has to hear of. */
  ends: number;
}

/** The state machine of durable jobs, without any database: what each call does, and what it answers. */
export class StoreModel {
  readonly jobs: ModelJob[] = [];

  accept(job: { id: string; hasCallback: boolean; deadlineAt: number | undefined; now: number }): void {
    this.jobs.push({
      id: job.id,
      hasCallback: job.hasCallback,
      state: 'queued',
      generation: 0,
      attempts: 0,
      token: undefined,
      leaseUntil: 0,
      touchedAt: job.now,
      deadlineAt: job.deadlineAt,
      nextAttemptAt: undefined,
      errorCode: undefined,
      text: undefined,
      ends: 0,
    });
  }

  /** What a claim answers; `claimed` is followed by `claimed`. */
  claimAnswer(job: ModelJob, generation: number): 'claimed' | 'superseded' | 'ended' {
    if (isEnd(job.state)) return 'ended';
    return generation === job.generation ? 'claimed' : 'superseded';
  }

  claimed(job: ModelJob, claim: { token: string; leaseUntil: number; now: number }): void {
    if (job.state === 'queued') job.attempts += 1;
    job.state = 'active';
    job.token = claim.token;
    job.leaseUntil = claim.leaseUntil;
    job.touchedAt = claim.now;
    job.nextAttemptAt = undefined;
  }

  finish(job: ModelJob, end: { token: string; text: string | undefined; errorCode: string | undefined }): boolean {
    if (job.token !== end.token) return false;
    this.#end(job, end.errorCode === undefined ? 'succeeded' : 'failed');
    job.text = end.text;
    job.errorCode = end.errorCode;
    return true;
  }

  release(job: ModelJob, { token, now }: { token: string; now: number }): boolean {
    if (job.token !== token) return false;
    job.attempts -= 1;
    this.#queue(job, now);
    return true;
  }

  requeue(
    job: ModelJob,
    next: { token: string; nextAttemptAt: number; errorCode: string; now: number },
  ): number | undefined {
    if (job.token !== next.token) return undefined;
    job.generation += 1;
    job.nextAttemptAt = next.nextAttemptAt;
    job.errorCode = next.errorCode;
    this.#queue(job, next.now);
    return job.generation;
  }

  cancel(job: ModelJob): 'canceled' | 'ended' {
    if (isEnd(job.state)) return 'ended';
    job.nextAttemptAt = undefined;
    job.errorCode = undefined;
    this.#end(job, 'canceled');
    return 'canceled';
  }

  retry(job: ModelJob, now: number): 'queued' | 'not_failed' {
    if (job.state !== 'failed') return 'not_failed';
    job.generation += 1;
    job.attempts = 0;
    job.errorCode = undefined;
    if (job.deadlineAt !== undefined && job.deadlineAt <= now) job.deadlineAt = undefined;
    this.#queue(job, now);
    return 'queued';
  }

  /** The ids of the jobs that it ends. */
  expire(now: number): string[] {
    const expired = this.jobs.filter(
      (job) => !isEnd(job.state) && job.deadlineAt !== undefined && job.deadlineAt <= now,
    );
    for (const job of expired) {
      job.nextAttemptAt = undefined;
      job.errorCode = new OcrError('deadline_exceeded', '').code;
      this.#end(job, 'failed');
    }
    return expired.map(({ id }) => id);
  }

  pending({ untouchedSince, now }: { untouchedSince: number; now: number }): string[] {
    const isPending = (job: ModelJob): boolean =>
      job.state === 'queued' ? job.touchedAt <= untouchedSince : job.state === 'active' && job.leaseUntil <= now;
    return this.jobs.filter((job) => isPending(job)).map(({ id }) => id);
  }

  /** The ids of the jobs that are sent anew. */
  resend(listed: readonly PendingJob[], now: number): string[] {
    const sent = this.jobs.filter((job) => {
      const was = listed.find(({ id }) => id === job.id);
      if (was?.generation !== job.generation || was.state !== job.state) return false;
      return job.state === 'queued' || job.leaseUntil <= now;
    });
    for (const job of sent) {
      if (job.state === 'active') job.attempts -= 1;
      job.generation += 1;
      this.#queue(job, now);
    }
    return sent.map(({ id }) => id);
  }

  #queue(job: ModelJob, now: number): void {
    job.state = 'queued';
    job.token = undefined;
    job.touchedAt = now;
  }

  #end(job: ModelJob, state: 'succeeded' | 'failed' | 'canceled'): void {
    job.state = state;
    job.token = undefined;
    if (state === 'succeeded') job.errorCode = undefined;
    if (job.hasCallback) job.ends += 1;
  }
}

function isEnd(state: JobState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'canceled';
}
