import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Claim, JobStore, PendingJob } from '../../src/store/store.ts';
import {
  databaseKinds,
  newId,
  newJob,
  openStore,
  pageError,
  pageOf,
  TestClock,
  type TestDatabases,
} from './store-fixture.ts';
import { type ModelJob, StoreModel } from './store-model.ts';

const seed = Number(process.env['STORE_SEED'] ?? Date.now() % 2 ** 31);

const place = fc.nat({ max: 1000 });
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('accept'),
      callback: fc.boolean(),
      deadline: fc.option(fc.nat({ max: 3000 })),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('claim'), job: place, behind: fc.constantFrom(0, 0, 0, 1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('succeed'), claim: place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail'), claim: place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release'), claim: place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('requeue'), claim: place, delay: fc.nat({ max: 1000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('renew') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel'), job: place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('retry'), job: place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('list'), untouchedMs: fc.nat({ max: 500 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('resend') }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.nat({ max: 1200 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const leaseMs = 1000;

/** Does the same to the store and to the model, and compares what both answer. */
class Run {
  readonly model = new StoreModel();
  readonly claims: { readonly claim: Claim; readonly job: ModelJob }[] = [];
  readonly store: JobStore;
  readonly clock: TestClock;
  listed: PendingJob[] = [];
  texts = 0;

  constructor(store: JobStore, clock: TestClock) {
    this.store = store;
    this.clock = clock;
  }

  async do(next: Step): Promise<void> {
    const now = this.clock.value;
    const job = 'job' in next ? pick(this.model.jobs, next.job) : undefined;
    const held = 'claim' in next ? pick(this.claims, next.claim) : undefined;
    const { store, model } = this;
    if ('ms' in next) this.clock.pass(next.ms);
    else if ('callback' in next) await this.#accept(next);
    else if ('untouchedMs' in next) await this.#list(now - next.untouchedMs);
    else if ('behind' in next) {
      if (job !== undefined) await this.#claim(job, job.generation - next.behind);
    } else if (next.kind === 'renew') await this.#renew();
    else if (next.kind === 'expire') {
      const expired = (await store.expireDeadlines(1000)).map(({ id }) => id);
      expect(expired.toSorted()).toEqual(model.expire(now).toSorted());
    } else if (next.kind === 'resend') {
      const sent = (await store.resend(this.listed)).map(({ id }) => id);
      expect(sent.toSorted()).toEqual(model.resend(this.listed, now).toSorted());
    } else if (job !== undefined) {
      if (next.kind === 'cancel') expect((await store.cancel(job.id)).kind).toBe(model.cancel(job));
      else expect((await store.retryFailed(job.id)).kind).toBe(model.retry(job, now));
    } else if (held !== undefined) await this.#end(next, held);
  }

  async #accept({ callback, deadline }: { callback: boolean; deadline: number | null }): Promise<void> {
    const id = newId();
    const deadlineAt = deadline === null ? undefined : this.clock.value + deadline;
    await this.store.accept([
      newJob({ id, ...(callback && { callbackUrl: 'https://hooks.example/' }), ...(deadlineAt && { deadlineAt }) }),
    ]);
    this.model.accept({ id, hasCallback: callback, deadlineAt, now: this.clock.value });
  }

  async #claim(job: ModelJob, generation: number): Promise<void> {
    const answer = await this.store.claim({ id: job.id, generation, workerId: 'w', leaseMs });
    expect(answer.kind).toBe(this.model.claimAnswer(job, generation));
    if (answer.kind !== 'claimed') return;
    const now = this.clock.value;
    this.model.claimed(job, { token: answer.claim.token, leaseUntil: now + leaseMs, now });
    this.claims.push({ claim: answer.claim, job });
  }

  async #renew(): Promise<void> {
    const lost = await this.store.renewLeases(
      this.claims.map(({ claim }) => claim),
      leaseMs,
    );
    const [holds, holdsNot] = [this.claims.filter(isHeld), this.claims.filter((held) => !isHeld(held))];
    expect(new Set(lost)).toEqual(new Set(holdsNot.map(({ claim }) => claim)));
    for (const { job } of holds) job.leaseUntil = this.clock.value + leaseMs;
  }

  async #list(untouchedSince: number): Promise<void> {
    this.listed = await this.store.pending({ untouchedSince, limit: 1000 });
    const now = this.clock.value;
    expect(this.listed.map(({ id }) => id)).toEqual(this.model.pending({ untouchedSince, now }).toSorted());
  }

  async #end(next: Step, { claim, job }: { claim: Claim; job: ModelJob }): Promise<void> {
    const { store, model } = this;
    const now = this.clock.value;
    const { token } = claim;
    if (next.kind === 'succeed') {
      this.texts += 1;
      const text = `text ${this.texts}`;
      expect(await store.finishSucceeded(claim, pageOf(text))).toBe(
        model.finish(job, { token, text, errorCode: undefined }),
      );
    } else if (next.kind === 'fail') {
      expect(await store.finishFailed(claim, pageError)).toBe(
        model.finish(job, { token, text: undefined, errorCode: pageError.code }),
      );
    } else if (next.kind === 'release') {
      expect(await store.release(claim)).toBe(model.release(job, { token, now }));
    } else if ('delay' in next) {
      const nextAttemptAt = now + next.delay;
      expect(await store.requeue(claim, { error: pageError, nextAttemptAt })).toBe(
        model.requeue(job, { token, nextAttemptAt, errorCode: pageError.code, now }),
      );
    }
  }

  /** At the end each job is what the model says, and each end was announced once. */
  async compare(): Promise<void> {
    const found = await Promise.all(this.model.jobs.map(({ id }) => this.store.get(id)));
    const told = found.map((job) => ({
      id: job?.id,
      state: job?.state,
      generation: job?.generation,
      attempts: job?.attempts,
      error: job?.error?.code,
      nextAttemptAt: job?.nextAttemptAt,
      deadlineAt: job?.deadlineAt,
      text: job?.result?.lines.map((line) => line.text).join('\n'),
      hasEnded: job?.finishedAt !== undefined,
    }));
    expect(told).toEqual(
      this.model.jobs.map((job) => ({
        id: job.id,
        state: job.state,
        generation: job.generation,
        attempts: job.attempts,
        error: job.errorCode,
        nextAttemptAt: job.nextAttemptAt,
        deadlineAt: job.deadlineAt,
        text: job.text,
        hasEnded: ['succeeded', 'failed', 'canceled'].includes(job.state),
      })),
    );
    const events = await this.store.takeDueEvents({ limit: 10_000, leaseMs: 1 });
    const ends = this.model.jobs.map(({ id }) => events.filter(({ jobId }) => jobId === id).length);
    expect(ends).toEqual(this.model.jobs.map((job) => job.ends));
    expect(await this.store.countUnfinished()).toBe(
      this.model.jobs.filter(({ state }) => state === 'queued' || state === 'active').length,
    );
    for (const { id } of events) await this.store.markDelivered(id);
  }

  /** The next run finds nothing of this one. */
  async clear(): Promise<void> {
    for (const { id } of this.model.jobs) await this.store.cancel(id);
    for (const { id } of await this.store.takeDueEvents({ limit: 10_000, leaseMs: 1 }))
      await this.store.markDelivered(id);
    this.clock.pass(10_000);
    await this.store.deleteFinished({ finishedBefore: this.clock.value, limit: 10_000 });
  }
}

function pick<T>(items: readonly T[], at: number): T | undefined {
  return items.length === 0 ? undefined : items[at % items.length];
}

function isHeld({ claim, job }: { claim: Claim; job: ModelJob }): boolean {
  return job.token === claim.token;
}

describe.each(databaseKinds)('$name', ({ start }) => {
  let databases: TestDatabases;
  let store: JobStore;
  const clock = new TestClock();
  beforeAll(async () => {
    databases = await start();
    store = await openStore(await databases.newUrl(), clock.now);
  });
  afterAll(async () => {
    await store.close();
    await databases.stop();
  });

  test('does what the model of the state machine does', async () => {
    console.log(`state machine: STORE_SEED=${seed}`);
    const steps = fc.array(step, { minLength: 1, maxLength: 60, size: 'max' });
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const run = new Run(store, clock);
        try {
          for (const next of all) await run.do(next);
          await run.compare();
        } finally {
          await run.clear();
        }
      }),
      { seed, numRuns: 60, endOnFailure: false },
    );
  });
});
