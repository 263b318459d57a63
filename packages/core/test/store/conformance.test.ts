import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { foldWords } from '../../src/store/line-words.ts';
import { jobStates, type JobStore, type PendingJob } from '../../src/store/store.ts';
import {
  acceptOne,
  claimOne,
  databaseKinds,
  endOne,
  newId,
  newJob,
  openStore,
  pageError,
  pageOf,
  TestClock,
  type TestDatabases,
} from './store-fixture.ts';

describe.each(databaseKinds)('$name', ({ start }) => {
  let databases: TestDatabases;
  let url: string;
  let clock: TestClock;
  let store: JobStore;
  beforeAll(async () => {
    databases = await start();
  });
  afterAll(() => databases.stop());
  beforeEach(async () => {
    url = await databases.newUrl();
    clock = new TestClock();
    store = await openStore(url, clock.now);
  });
  afterEach(() => store.close());

  const stateOf = async (id: string) => (await store.get(id))?.state;
  const pendingNow = (limit = 100): Promise<PendingJob[]> => store.pending({ untouchedSince: clock.value, limit });

  describe('accept', () => {
    test('stores everything that it was given, in the order given', async () => {
      const batch = newId();
      const full = newJob({
        batch: { id: batch, index: 0 },
        lane: 'interactive',
        priority: 7,
        source: { kind: 'blob', sha256: 'cd'.repeat(32), bytes: 2 ** 40, name: 'a "scan" – ü.png' },
        idempotency: { key: 'one', fingerprint: 'print' },
        metadata: { deep: { list: [1, 'two', null, true] }, zero: '\0', lone: '\uD800', emoji: '🖨️' },
        callbackUrl: 'https://hooks.example/a?token=b',
        deadlineAt: clock.value + 60_000,
        requestId: 'request-1',
      });
      const bare = newJob({ batch: { id: batch, index: 1 } });
      expect(await store.accept([full, bare])).toEqual([
        { id: full.id, state: 'queued', created: true, batchId: batch },
        { id: bare.id, state: 'queued', created: true, batchId: batch },
      ]);
      const { idempotency: _, ...told } = full;
      expect(await store.get(full.id)).toEqual({
        ...told,
        state: 'queued',
        generation: 0,
        attempts: 0,
        createdAt: clock.value,
      });
      expect(await store.get(bare.id)).toEqual({
        ...bare,
        state: 'queued',
        generation: 0,
        attempts: 0,
        createdAt: clock.value,
      });
    });

    test('takes a batch of 1000 and none', async () => {
      const jobs = Array.from({ length: 1000 }, (_item, index) =>
        newJob({ idempotency: { key: `k${index}`, fingerprint: 'f' } }),
      );
      const answers = await store.accept(jobs);
      expect(answers.map(({ id }) => id)).toEqual(jobs.map(({ id }) => id));
      expect(await store.countUnfinished()).toBe(1000);
      expect(await store.accept([])).toEqual([]);
    });

    test('makes one job of one idempotency key, and says which', async () => {
      const first = newJob({ batch: { id: newId(), index: 0 }, idempotency: { key: 'k', fingerprint: 'f' } });
      await store.accept([first]);
      const again = { ...first, id: newId(), batch: { id: newId(), index: 0 } };
      const other = newJob();
      expect(await store.accept([other, again])).toEqual([
        { id: other.id, state: 'queued', created: true },
        { id: first.id, state: 'queued', created: false, batchId: first.batch?.id },
      ]);
      await store.cancel(first.id);
      expect((await store.accept([again]))[0]).toMatchObject({ id: first.id, state: 'canceled', created: false });
      expect(await store.get(again.id)).toBeUndefined();
    });

    test('makes one job of two with the same key in one call', async () => {
      const idempotency = { key: 'k', fingerprint: 'f' };
      const [one, two] = await store.accept([newJob({ idempotency }), newJob({ idempotency })]);
      expect(two).toEqual({ id: one?.id, state: 'queued', created: false });
      expect(await store.countUnfinished()).toBe(1);
    });

    test('refuses all when one key was used for something else', async () => {
      await store.accept([newJob({ idempotency: { key: 'k', fingerprint: 'f' } })]);
      const jobs = [
        newJob(),
        newJob({ idempotency: { key: 'k', fingerprint: 'g' } }),
        newJob(),
        newJob({ idempotency: { key: 'k', fingerprint: 'h' } }),
      ];
      const refusal = await store.accept(jobs).catch((error: unknown) => error);
      expect(refusal).toMatchObject({
        code: 'idempotency_conflict',
        violations: [{ pointer: '/images/1' }, { pointer: '/images/3' }],
      });
      expect(await store.countUnfinished()).toBe(1);
      // A refusal leaves nothing behind that would hinder the next call.
      expect(await store.accept([newJob()])).toHaveLength(1);
    });

    test('the same job twice is one job', async () => {
      const job = newJob();
      const answer = await store.accept([job]);
      // Whoever did not hear the first answer gets it now.
      expect(await store.accept([job])).toEqual(answer);
      expect(await store.countUnfinished()).toBe(1);
      await claimOne(store, job);
      expect(await store.accept([job])).toEqual([{ id: job.id, state: 'active', created: true }]);
    });

    test('a call that is repeated finds its own jobs, with keys and without', async () => {
      const known = newJob({ idempotency: { key: 'known', fingerprint: 'f' } });
      await store.accept([known]);
      const batch = newId();
      const jobs = [
        newJob({ batch: { id: batch, index: 0 } }),
        newJob({ batch: { id: batch, index: 1 }, idempotency: { key: 'own\0', fingerprint: 'f' } }),
        newJob({ source: { kind: 'blob', sha256: 'cd'.repeat(32), bytes: 5 } }),
        { ...newJob(), idempotency: known.idempotency! },
      ];
      const answers = await store.accept(jobs);
      expect(answers.map(({ created }) => created)).toEqual([true, true, true, false]);
      expect(await store.accept(jobs)).toEqual(answers);
      expect(await store.countUnfinished()).toBe(4);
    });

    test('an id that another job has is refused, and nothing is made', async () => {
      const job = await acceptOne(store);
      const other = newJob({ id: job.id, source: { kind: 'url', url: 'https://images.example/other.png' } });
      await expect(store.accept([newJob(), other])).rejects.toMatchObject({ code: 'internal' });
      expect(await store.countUnfinished()).toBe(1);
    });

    test('tells the keys that stand for a job', async () => {
      const keys = ['one', 'two\0', '\uD800'];
      await store.accept(keys.map((key) => newJob({ idempotency: { key, fingerprint: 'f' } })));
      expect(await store.knownKeys([...keys, 'three', 'ONE', ''])).toEqual(new Set(keys));
      expect(await store.knownKeys([])).toEqual(new Set());
    });

    test('calls at once share their fate with nobody', async () => {
      await store.accept([newJob({ idempotency: { key: 'taken', fingerprint: 'f' } })]);
      const calls = Array.from({ length: 40 }, (_item, index) =>
        store.accept([
          newJob(),
          newJob(index % 4 === 0 ? { idempotency: { key: 'taken', fingerprint: `not ${index}` } } : {}),
        ]),
      );
      const outcomes = await Promise.allSettled(calls);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(30);
      expect(await store.countUnfinished()).toBe(61);
    });

    test('one key at once from many connections is one job', async () => {
      const stores = await Promise.all([openStore(url, clock.now), openStore(url, clock.now)]);
      try {
        const idempotency = { key: 'k', fingerprint: 'f' };
        const answers = await Promise.all(
          Array.from({ length: 60 }, (_item, index) =>
            [store, ...stores][index % 3]!.accept([newJob({ idempotency })]),
          ),
        );
        expect(new Set(answers.map(([answer]) => answer?.id)).size).toBe(1);
        expect(answers.filter(([answer]) => answer?.created)).toHaveLength(1);
        expect(await store.countUnfinished()).toBe(1);
      } finally {
        await Promise.all(stores.map((other) => other.close()));
      }
    });

    test('batches with the same keys in opposite order are not in each other’s way', async () => {
      const other = await openStore(url, clock.now);
      const keys = Array.from({ length: 200 }, (_item, index) => ({ key: `k${index}`, fingerprint: 'f' }));
      const batch = (inOrder: typeof keys) => inOrder.map((idempotency) => newJob({ idempotency }));
      try {
        const answers = await Promise.all(
          Array.from({ length: 4 }, () => [store.accept(batch(keys)), other.accept(batch(keys.toReversed()))]).flat(),
        );
        expect(answers.flat().filter(({ created }) => created)).toHaveLength(200);
        expect(await store.countUnfinished()).toBe(200);
      } finally {
        await other.close();
      }
    });
  });

  describe('claims', () => {
    test('a page that was read is stored with its lines', async () => {
      const job = await acceptOne(store);
      clock.pass(10);
      const claim = await claimOne(store, job);
      expect(await store.get(job.id)).toMatchObject({ state: 'active', attempts: 1, startedAt: clock.value });
      clock.pass(20);
      const page = pageOf('First line', '', 'Zweite — “Zeile” 東京');
      expect(await store.finishSucceeded(claim, page)).toBe(true);
      expect(await store.get(job.id)).toEqual({
        ...job,
        state: 'succeeded',
        generation: 0,
        attempts: 1,
        createdAt: clock.value - 30,
        startedAt: clock.value - 20,
        finishedAt: clock.value,
        sha256: page.sha256,
        model: 'small',
        engineVersion: '1.2.3',
        result: page.result,
      });
    });

    test('and with its pictures, where it has some', async () => {
      const [job, other] = [await acceptOne(store), await acceptOne(store)];
      const pictures = { previewSha256: 'a1'.repeat(32), thumbnailSha256: 'b2'.repeat(32) };
      expect(await store.finishSucceeded(await claimOne(store, job), { ...pageOf('Text'), pictures })).toBe(true);
      await store.finishSucceeded(await claimOne(store, other), pageOf('Text'));
      expect((await store.get(job.id))?.pictures).toEqual(pictures);
      expect((await store.list({ limit: 2 })).jobs.map((listed) => listed.pictures)).toEqual([undefined, pictures]);
    });

    test('a blank page and one of 3000 lines', async () => {
      const blank = await acceptOne(store);
      const long = await acceptOne(store);
      await store.finishSucceeded(await claimOne(store, blank), pageOf());
      const page = pageOf(...Array.from({ length: 3000 }, (_item, index) => `line ${index}`));
      await store.finishSucceeded(await claimOne(store, long), page);
      expect((await store.get(blank.id))?.result?.lines).toEqual([]);
      expect((await store.get(long.id))?.result).toEqual(page.result);
    });

    test('text that no database stores does not keep a page from being stored', async () => {
      const job = await acceptOne(store);
      expect(await store.finishSucceeded(await claimOne(store, job), pageOf('a\0b\uDC00c'))).toBe(true);
      expect((await store.get(job.id))?.result?.lines[0]?.text).toBe('a\uFFFDb\uFFFDc');
    });

    test('tells why there is nothing to run', async () => {
      const request = { generation: 0, workerId: 'w', leaseMs: 1000 };
      expect(await store.claim({ ...request, id: newId() })).toEqual({ kind: 'unknown' });
      for (const state of ['succeeded', 'failed', 'canceled'] as const) {
        const { id } = await endOne(store, { state });
        expect(await store.claim({ ...request, id })).toEqual({ kind: 'ended', state });
        // The same job under a generation that never was.
        expect(await store.claim({ ...request, id, generation: 9 })).toEqual({ kind: 'ended', state });
      }
      const { id } = await acceptOne(store);
      await store.resend(await pendingNow());
      expect(await store.claim({ ...request, id })).toEqual({ kind: 'superseded' });
      expect(await store.claim({ ...request, id, generation: 1 })).toMatchObject({ kind: 'claimed' });
    });

    test('whoever claims later has the claim; the run that was lost counts no attempt', async () => {
      const job = await acceptOne(store);
      const lost = await claimOne(store, job);
      const held = await claimOne(store, job);
      expect((await store.get(job.id))?.attempts).toBe(1);
      expect(await store.finishSucceeded(lost, pageOf('late'))).toBe(false);
      expect(await store.finishFailed(lost, pageError)).toBe(false);
      expect(await store.release(lost)).toBe(false);
      expect(await store.requeue(lost, { error: pageError, nextAttemptAt: clock.value })).toBeUndefined();
      expect(await store.get(job.id)).toMatchObject({ state: 'active', generation: 0, attempts: 1 });
      expect(await store.finishSucceeded(held, pageOf('in time'))).toBe(true);
      expect(await store.finishSucceeded(held, pageOf('twice'))).toBe(false);
      expect((await store.get(job.id))?.result?.lines.map(({ text }) => text)).toEqual(['in time']);
    });

    test('a claim ends with the job, whoever ended it', async () => {
      const canceled = await acceptOne(store, { callbackUrl: 'https://hooks.example/' });
      const claim = await claimOne(store, canceled);
      await store.cancel(canceled.id);
      expect(await store.finishSucceeded(claim, pageOf('late'))).toBe(false);
      expect(await store.get(canceled.id)).not.toHaveProperty('result');
      expect(await store.searchLines({ text: 'late', limit: 10 })).toEqual([]);
      expect(await store.takeDueEvents({ limit: 10, leaseMs: 1000 })).toHaveLength(1);
    });

    test('renewed leases hold, the others are told', async () => {
      const jobs = [await acceptOne(store), await acceptOne(store), await acceptOne(store)];
      const claims = await Promise.all(jobs.map((job) => claimOne(store, { ...job, leaseMs: 1000 })));
      await store.cancel(jobs[1]!.id);
      const taken = await claimOne(store, { ...jobs[2]!, leaseMs: 1000 });
      expect(await store.renewLeases(claims, 5000)).toEqual([claims[1], claims[2]]);
      expect(await store.renewLeases([], 5000)).toEqual([]);
      clock.pass(2000);
      // The one that nobody renewed; a lease that ran out may still be renewed and finished while nobody else wants the job.
      expect((await pendingNow()).map(({ id }) => id)).toEqual([jobs[2]!.id]);
      expect(await store.renewLeases([taken], 1000)).toEqual([]);
      expect(await pendingNow()).toEqual([]);
    });

    test('release gives back without blame, under the same generation', async () => {
      const job = await acceptOne(store);
      const claim = await claimOne(store, job);
      expect(await store.release(claim)).toBe(true);
      expect(await store.get(job.id)).toMatchObject({ state: 'queued', generation: 0, attempts: 0 });
      expect(await store.finishSucceeded(claim, pageOf('late'))).toBe(false);
      await claimOne(store, job);
      expect(await store.get(job.id)).toMatchObject({ state: 'active', generation: 0, attempts: 1 });
    });

    test('requeue counts the attempt and waits for its time', async () => {
      const job = await acceptOne(store);
      const next = { error: pageError, nextAttemptAt: clock.value + 5000 };
      expect(await store.requeue(await claimOne(store, job), next)).toBe(1);
      expect(await store.get(job.id)).toMatchObject({
        state: 'queued',
        generation: 1,
        attempts: 1,
        error: pageError,
        nextAttemptAt: next.nextAttemptAt,
      });
      expect(await pendingNow()).toMatchObject([{ id: job.id, generation: 1, nextAttemptAt: next.nextAttemptAt }]);
      const second = await claimOne(store, { ...job, generation: 1 });
      const running = await store.get(job.id);
      expect(running).toMatchObject({ state: 'active', attempts: 2, error: pageError });
      expect(running).not.toHaveProperty('nextAttemptAt');
      await store.finishSucceeded(second, pageOf('read at last'));
      expect(await store.get(job.id)).not.toHaveProperty('error');
    });

    test('a failure keeps its error', async () => {
      const job = await acceptOne(store);
      const error = { code: 'image_unreadable', message: 'Not an image', retryable: false } as const;
      expect(await store.finishFailed(await claimOne(store, job), error)).toBe(true);
      expect(await store.get(job.id)).toMatchObject({ state: 'failed', error, finishedAt: clock.value });
    });

    test('many who finish one job at once: one of them does', async () => {
      const job = await acceptOne(store, { callbackUrl: 'https://hooks.example/' });
      const claim = await claimOne(store, job);
      const finished = await Promise.all([
        ...Array.from({ length: 5 }, (_item, index) => store.finishSucceeded(claim, pageOf(`text ${index}`))),
        store.finishFailed(claim, pageError),
        store.cancel(job.id).then(({ kind }) => kind === 'canceled'),
      ]);
      expect(finished.filter(Boolean)).toHaveLength(1);
      expect(await store.takeDueEvents({ limit: 10, leaseMs: 1000 })).toHaveLength(1);
    });
  });

  describe('requests', () => {
    test('cancel ends what has not ended, once', async () => {
      const queued = await acceptOne(store);
      const active = await acceptOne(store);
      await claimOne(store, active);
      expect(await store.cancel(queued.id)).toMatchObject({
        kind: 'canceled',
        was: 'queued',
        job: { id: queued.id, state: 'canceled', finishedAt: clock.value },
      });
      expect(await store.cancel(active.id)).toMatchObject({ kind: 'canceled', was: 'active' });
      expect(await store.cancel(active.id)).toMatchObject({ kind: 'ended', job: { state: 'canceled' } });
      const done = await endOne(store, { state: 'succeeded' });
      expect(await store.cancel(done.id)).toMatchObject({ kind: 'ended', job: { state: 'succeeded' } });
      expect(await store.cancel(newId())).toEqual({ kind: 'unknown' });
    });

    test('retry starts a failed job over', async () => {
      const job = await endOne(store, { state: 'failed', deadlineAt: clock.value + 1000 });
      clock.pass(5000);
      expect(await store.retryFailed(job.id)).toMatchObject({ kind: 'queued', job: { generation: 1, attempts: 0 } });
      const { deadlineAt: _, ...told } = job;
      expect(await store.get(job.id)).toEqual({
        ...told,
        state: 'queued',
        generation: 1,
        attempts: 0,
        createdAt: clock.value - 5000,
      });
      expect(await store.expireDeadlines(10)).toEqual([]);
      expect(await store.retryFailed(job.id)).toMatchObject({ kind: 'not_failed', job: { state: 'queued' } });
      const canceled = await endOne(store, { state: 'canceled' });
      expect(await store.retryFailed(canceled.id)).toMatchObject({ kind: 'not_failed', job: { state: 'canceled' } });
      expect(await store.retryFailed(newId())).toEqual({ kind: 'unknown' });
    });
  });

  describe('queries', () => {
    test('an id that nobody has, whatever it looks like', async () => {
      for (const id of [newId(), '', '\0', "'; DROP TABLE jobs", '\uD800', 'x'.repeat(10_000)]) {
        expect(await store.get(id)).toBeUndefined();
        expect(await store.position(id)).toBeUndefined();
      }
      expect(await store.states([newId(), '\0'])).toEqual(new Map());
    });

    test('states of many', async () => {
      const done = await endOne(store, { state: 'succeeded' });
      const queued = await acceptOne(store);
      const ids = [done.id, newId(), queued.id, ...Array.from({ length: 997 }, () => newId())];
      expect(await store.states(ids)).toEqual(
        new Map([
          [done.id, 'succeeded'],
          [queued.id, 'queued'],
        ]),
      );
      expect(await store.states([])).toEqual(new Map());
    });

    test('pages through lists without a gap or a repetition while jobs arrive', async () => {
      const jobs = Array.from({ length: 23 }, () => newJob());
      await store.accept(jobs);
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.list({ limit: 5, ...(cursor && { cursor }) });
        seen.push(...page.jobs.map(({ id }) => id));
        cursor = page.nextCursor;
        await acceptOne(store);
      } while (cursor !== undefined);
      expect(seen).toEqual(jobs.map(({ id }) => id).toReversed());
    });

    test('a page that holds all says that it is the last one', async () => {
      await store.accept([newJob(), newJob()]);
      expect(await store.list({ limit: 2 })).not.toHaveProperty('nextCursor');
      expect((await store.list({ limit: 1 })).nextCursor).toBeDefined();
    });

    test('lists by state and batch', async () => {
      const batch = newId();
      const made: Record<string, string[]> = {};
      for (let index = 0; index < 4; index += 1) {
        const changes = index % 2 === 0 ? { batch: { id: batch, index } } : {};
        for (const state of ['succeeded', 'failed', 'canceled'] as const) {
          (made[state] ??= []).unshift((await endOne(store, { state, ...changes })).id);
        }
        (made['queued'] ??= []).unshift((await acceptOne(store, changes)).id);
      }
      const idsOf = async (query: Omit<Parameters<JobStore['list']>[0], 'limit'>) =>
        (await store.list({ limit: 100, ...query })).jobs.map(({ id }) => id);
      expect(await idsOf({ states: ['failed'] })).toEqual(made['failed']);
      expect(await idsOf({ states: [] })).toEqual([]);
      expect(await idsOf({ states: [...jobStates] })).toEqual(await idsOf({}));
      const two = [...made['failed']!, ...made['queued']!].toSorted((a, b) => (a < b ? 1 : -1));
      expect(await idsOf({ states: ['queued', 'failed'] })).toEqual(two);
      expect(await idsOf({ batchId: batch })).toHaveLength(8);
      expect(await idsOf({ batchId: batch, states: ['canceled'] })).toEqual(
        made['canceled']!.filter((_id, index) => index % 2 === 1),
      );
      expect(await idsOf({ batchId: batch, states: [] })).toEqual([]);
      expect(await idsOf({ batchId: newId() })).toEqual([]);
      // Cursors hold for filtered lists, too.
      const first = await store.list({ states: ['queued', 'failed'], limit: 3 });
      const rest = await store.list({ states: ['queued', 'failed'], limit: 100, cursor: first.nextCursor! });
      expect([...first.jobs, ...rest.jobs].map(({ id }) => id)).toEqual(two);
    });

    test.each(['', 'x y', '-1', '0', "1' OR 1=1", 'zzzzzzzzzzzzzzzzzzzz', '\0', 'é', 'NaN', '1e9', '1\n'])(
      'refuses the cursor %j',
      async (cursor) => {
        const listing = store.list({ limit: 10, cursor });
        if (cursor === '1e9') await expect(listing).resolves.toBeDefined();
        else await expect(listing).rejects.toMatchObject({ code: 'invalid_request' });
      },
    );

    test('the position counts what runs sooner on the same lane', async () => {
      const late = await acceptOne(store, { priority: 500 });
      const first = await acceptOne(store);
      const second = await acceptOne(store);
      const urgent = await acceptOne(store, { priority: 1 });
      const other = await acceptOne(store, { lane: 'interactive' });
      const waiting = await acceptOne(store, { priority: 0 });
      const error = { error: pageError, nextAttemptAt: clock.value + 1000 };
      await store.requeue(await claimOne(store, waiting), error);
      const positions = async () =>
        Promise.all([urgent, first, second, late, other].map(({ id }) => store.position(id)));
      expect(await positions()).toEqual([1, 2, 3, 4, 1]);
      clock.pass(1000);
      expect(await positions()).toEqual([2, 3, 4, 5, 1]);
      await claimOne(store, urgent);
      expect(await positions()).toEqual([undefined, 2, 3, 4, 1]);
    });

    test('a retry takes its place behind those that were queued before it', async () => {
      const failing = await acceptOne(store, { priority: 100 });
      const first = await acceptOne(store, { priority: 100 });
      clock.pass(1);
      await store.finishFailed(await claimOne(store, failing), pageError);
      clock.pass(1);
      await store.retryFailed(failing.id);
      const again = await acceptOne(store, { priority: 100 });
      clock.pass(1);
      const last = await acceptOne(store, { priority: 100 });
      await store.requeue(await claimOne(store, again), { error: pageError, nextAttemptAt: clock.value + 5 });
      clock.pass(10);
      const positions = await Promise.all([first, failing, last, again].map(({ id }) => store.position(id)));
      expect(positions).toEqual([1, 2, 3, 4]);
    });

    test('a retry is a job of the bulk lane: nobody waits for it', async () => {
      const job = await acceptOne(store, { lane: 'interactive' });
      await store.finishFailed(await claimOne(store, job), pageError);
      expect(await store.retryFailed(job.id)).toMatchObject({ kind: 'queued', job: { lane: 'bulk' } });
    });

    test('the interactive lane runs jobs as they came, whatever their priority', async () => {
      const jobs = [];
      for (const priority of [900, 500, 1]) jobs.push(await acceptOne(store, { lane: 'interactive', priority }));
      expect(await Promise.all(jobs.map(({ id }) => store.position(id)))).toEqual([1, 2, 3]);
    });

    test('tells its clock', async () => {
      expect(await store.now()).toBe(clock.value);
    });

    test('counts', async () => {
      await acceptOne(store);
      await claimOne(store, await acceptOne(store));
      await endOne(store, { state: 'failed' });
      clock.pass(1000);
      await endOne(store, { state: 'succeeded' });
      await endOne(store, { state: 'canceled' });
      expect(await store.countUnfinished()).toBe(2);
      expect(await store.countByState()).toEqual({ queued: 1, active: 1, succeeded: 1, failed: 1, canceled: 1 });
      expect(await store.countFinishedSince(clock.value)).toBe(1);
      expect(await store.countFinishedSince(clock.value - 1000)).toBe(2);
    });
  });

  describe('search', () => {
    const readPage = async (...texts: string[]) => {
      const job = await acceptOne(store);
      await store.finishSucceeded(await claimOne(store, job), pageOf(...texts));
      return job.id;
    };
    const find = async (text: string) => (await store.searchLines({ text, limit: 50 })).map((match) => match.text);

    test.each([
      ['every word, in any order', 'fox quick', ['The quick brown fox']],
      ['case', 'QUICK', ['The quick brown fox']],
      ['the last word as a beginning', 'brown f', ['The quick brown fox']],
      ['but no other one', 'bro fox', []],
      ['no middle of a word', 'uick', []],
      ['accents', 'creme brulee', ['Crème brûlée, 4 €']],
      ['accents of the query', 'crème', ['Crème brûlée, 4 €']],
      ['sharp s', 'strasse', ['Straße 12']],
      ['and the other way', 'STRAßE', ['Straße 12']],
      ['letters of other scripts', 'Ελλας', ['ΕΛΛΆΣ']],
      ['dotted capital i', 'istanbul', ['İstanbul']],
      ['digits', '12', ['ＡＢＣ １２３', 'Straße 12']],
      ['parts of what punctuation holds together', 'invoice example', ['invoice-2024@mail.example.com']],
      ['scripts without spaces', '京タ', ['東京タワー']],
      ['wide and narrow forms', 'ABC', ['ＡＢＣ １２３']],
      ['nothing', '', []],
      ['nothing but signs', '*** " OR ( -', []],
      ['operators as words', 'quick OR creme', []],
      ['operators as words, not', 'NOT quick', []],
      ['columns of FTS5', 'words:quick', []],
      ['near', 'NEAR(quick fox)', []],
      ['quotes', '"quick brown"', ['The quick brown fox']],
      ['unbalanced quotes', '"quick', ['The quick brown fox']],
      ['operators of Postgres', "quick & !fox | 'a':*B", []],
      ['a backslash', String.raw`quick\ fox`, ['The quick brown fox']],
      ['NUL and lone surrogates', 'quick\0 \uD800fox', ['The quick brown fox']],
    ])('%s: %j', async (_name, query, expected) => {
      await readPage('The quick brown fox', 'Crème brûlée, 4 €', 'Straße 12');
      await readPage('ΕΛΛΆΣ', 'İstanbul', 'invoice-2024@mail.example.com', '東京タワー', 'ＡＢＣ １２３');
      expect(await find(query)).toEqual(expected);
    });

    test('newest jobs first, their lines in order, up to the limit', async () => {
      const older = await readPage('same one', 'same two');
      const newer = await readPage('same three', 'other', 'same four');
      expect(await store.searchLines({ text: 'same', limit: 3 })).toEqual([
        { jobId: newer, lineIndex: 0, text: 'same three', confidence: 0.123456789 },
        { jobId: newer, lineIndex: 2, text: 'same four', confidence: 0.123456789 },
        { jobId: older, lineIndex: 0, text: 'same one', confidence: 0.123456789 },
      ]);
    });

    test('whatever is in a line, each of its words finds it', async () => {
      const lines = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), {
        minLength: 20,
        maxLength: 20,
      });
      await fc.assert(
        fc.asyncProperty(lines, async (texts) => {
          const jobId = await readPage(...texts);
          for (const [lineIndex, text] of texts.entries()) {
            const [word] = foldWords(text);
            if (word === undefined) continue;
            for (const query of [text, word, `${word} ${word.slice(0, 1).toWellFormed()}`]) {
              if (foldWords(query).length === 0) continue;
              const found = await store.searchLines({ text: query, limit: 1000 });
              expect(found.filter((match) => match.jobId === jobId).map((match) => match.lineIndex)).toContain(
                lineIndex,
              );
            }
          }
        }),
        { numRuns: 10 },
      );
    });

    test('long words and long queries', async () => {
      const long = 'a'.repeat(5000);
      await readPage(long, `x ${'b '.repeat(2000)}`);
      expect(await find(long)).toEqual([long]);
      expect(await find('b '.repeat(5000))).toHaveLength(1);
    });

    test('deleted jobs are not found', async () => {
      await readPage('gone soon');
      clock.pass(10);
      expect(await store.deleteFinished({ finishedBefore: clock.value, limit: 10 })).toBe(1);
      expect(await find('gone')).toEqual([]);
    });
  });

  describe('upkeep', () => {
    test('pending pages by id through what nobody has touched', async () => {
      const jobs = Array.from({ length: 7 }, () => newJob());
      await store.accept(jobs);
      await endOne(store, { state: 'failed' });
      clock.pass(100);
      await acceptOne(store);
      const seen: string[] = [];
      for (;;) {
        const after = seen.at(-1);
        const page = await store.pending({ untouchedSince: clock.value - 1, limit: 3, ...(after && { after }) });
        if (page.length === 0) break;
        seen.push(...page.map(({ id }) => id));
      }
      expect(seen).toEqual(jobs.map(({ id }) => id));
    });

    test('what is pending tells what the queue needs to know', async () => {
      const source = { kind: 'blob', sha256: 'ef'.repeat(32), bytes: 5 } as const;
      const job = await acceptOne(store, { source, priority: 3, lane: 'interactive', requestId: 'r' });
      const pending = { id: job.id, lane: 'interactive', priority: 3, source, createdAt: clock.value, requestId: 'r' };
      expect(await pendingNow()).toEqual([{ ...pending, generation: 0, state: 'queued' }]);
      await claimOne(store, { ...job, leaseMs: 1000 });
      expect(await pendingNow()).toEqual([]);
      clock.pass(1000);
      expect(await pendingNow()).toEqual([{ ...pending, generation: 0, state: 'active' }]);
    });

    test('resend gives new generations to those that are as they were', async () => {
      const jobs = Array.from({ length: 5 }, () => newJob());
      await store.accept(jobs);
      const [untouched, canceled, claimed, lost, back] = jobs.map(({ id }) => id) as [
        string,
        string,
        string,
        string,
        string,
      ];
      const lostClaim = await claimOne(store, { id: lost, leaseMs: 100 });
      await claimOne(store, { id: back, leaseMs: 100 });
      clock.pass(100);
      const listed = await pendingNow();
      expect(listed).toHaveLength(5);
      await store.cancel(canceled);
      await claimOne(store, { id: claimed });
      const renewed = await claimOne(store, { id: back });
      const sent = await store.resend(listed);
      expect(sent.map(({ id, generation, state }) => [id, generation, state])).toEqual([
        [untouched, 1, 'queued'],
        [lost, 1, 'queued'],
      ]);
      expect(await store.get(lost)).toMatchObject({ state: 'queued', attempts: 0 });
      expect(await store.finishSucceeded(lostClaim, pageOf('late'))).toBe(false);
      expect(await store.finishSucceeded(renewed, pageOf('in time'))).toBe(true);
      expect(await store.resend(listed)).toEqual([]);
      expect(await store.resend([])).toEqual([]);
    });

    test('of many who resend the same jobs at once, each job is sent by one', async () => {
      await store.accept(Array.from({ length: 50 }, () => newJob()));
      const listed = await pendingNow();
      const sent = await Promise.all(Array.from({ length: 5 }, () => store.resend(listed)));
      expect(sent.flat()).toHaveLength(50);
      expect(new Set(sent.flat().map(({ generation }) => generation))).toEqual(new Set([1]));
    });

    test('deadlines end jobs, queued or running', async () => {
      const callbackUrl = 'https://hooks.example/';
      const queued = await acceptOne(store, { deadlineAt: clock.value + 100, callbackUrl });
      const active = await acceptOne(store, { deadlineAt: clock.value + 100 });
      const later = await acceptOne(store, { deadlineAt: clock.value + 101 });
      const never = await acceptOne(store);
      await endOne(store, { state: 'succeeded', deadlineAt: clock.value + 50 });
      const claim = await claimOne(store, active);
      expect(await store.expireDeadlines(10)).toEqual([]);
      clock.pass(100);
      const expired = await store.expireDeadlines(10);
      expect(expired.map(({ id }) => id).toSorted()).toEqual([queued.id, active.id]);
      expect(expired[0]).toMatchObject({
        state: 'failed',
        error: { code: 'deadline_exceeded' },
        finishedAt: clock.value,
      });
      expect(await store.finishSucceeded(claim, pageOf('late'))).toBe(false);
      expect(await store.takeDueEvents({ limit: 10, leaseMs: 10 })).toMatchObject([{ jobId: queued.id }]);
      expect([await stateOf(later.id), await stateOf(never.id)]).toEqual(['queued', 'queued']);
      clock.pass(100);
      expect(await store.expireDeadlines(10)).toHaveLength(1);
    });

    test('deadlines in portions', async () => {
      await store.accept(Array.from({ length: 5 }, () => newJob({ deadlineAt: clock.value })));
      expect((await store.expireDeadlines(3)).length + (await store.expireDeadlines(3)).length).toBe(5);
    });

    test('deletes what ended long ago, in portions, but nothing that waits for its webhook', async () => {
      const old = [];
      for (const state of ['succeeded', 'failed', 'canceled'] as const) old.push(await endOne(store, { state }));
      const announced = await endOne(store, { state: 'succeeded', callbackUrl: 'https://hooks.example/' });
      const running = await acceptOne(store);
      clock.pass(1000);
      const fresh = await endOne(store, { state: 'succeeded' });
      const query = { finishedBefore: clock.value, limit: 2 };
      expect(await store.deleteFinished(query)).toBe(2);
      expect(await store.deleteFinished(query)).toBe(1);
      expect(await store.deleteFinished(query)).toBe(0);
      for (const { id } of old) expect(await store.get(id)).toBeUndefined();
      expect(await stateOf(running.id)).toBe('queued');
      expect(await stateOf(fresh.id)).toBe('succeeded');
      const [event] = await store.takeDueEvents({ limit: 1, leaseMs: 1000 });
      expect(event?.jobId).toBe(announced.id);
      await store.markDelivered(event!.id);
      expect(await store.deleteFinished(query)).toBe(1);
    });

    test('a key of a deleted job is free again', async () => {
      const idempotency = { key: 'k', fingerprint: 'f' };
      await endOne(store, { state: 'canceled', idempotency });
      clock.pass(1);
      await store.deleteFinished({ finishedBefore: clock.value, limit: 1 });
      expect(await store.accept([newJob({ idempotency: { key: 'k', fingerprint: 'g' } })])).toMatchObject([
        { created: true },
      ]);
    });

    test('blobs are needed by jobs that run, may run, or may be retried', async () => {
      const source = (name: string) => ({
        source: { kind: 'blob', sha256: createHash('sha256').update(name).digest('hex'), bytes: 1 } as const,
      });
      const sha = (name: string): string => source(name).source.sha256;
      await acceptOne(store, source('queued'));
      await claimOne(store, await acceptOne(store, source('active')));
      for (const state of ['succeeded', 'failed', 'canceled'] as const)
        await endOne(store, { state, ...source(state) });
      await endOne(store, { state: 'succeeded', ...source('twice') });
      await acceptOne(store, source('twice'));
      const names = ['queued', 'active', 'succeeded', 'failed', 'canceled', 'twice', 'unknown'];
      expect(await store.blobsInUse(names.map((name) => sha(name)))).toEqual(
        new Set(['queued', 'active', 'failed', 'twice'].map((name) => sha(name))),
      );
      expect(await store.blobsInUse([])).toEqual(new Set());
    });

    test('pictures are needed for as long as their job is kept, whatever other blobs are', async () => {
      const picturesOf = (digit: string) => ({
        previewSha256: `${digit}1`.repeat(32),
        thumbnailSha256: `${digit}2`.repeat(32),
      });
      const original = { kind: 'blob', sha256: 'f0'.repeat(32), bytes: 1 } as const;
      const finish = async (digit: string): Promise<void> => {
        const claim = await claimOne(store, await acceptOne(store, { source: original }));
        await store.finishSucceeded(claim, { ...pageOf('Text'), pictures: picturesOf(digit) });
      };
      const [old, kept] = [Object.values(picturesOf('a')), Object.values(picturesOf('b'))];
      await finish('a');
      clock.pass(10);
      await finish('b');
      const asked = [...old, ...kept, original.sha256];
      expect(await store.blobsInUse(asked)).toEqual(new Set([...old, ...kept]));
      expect(await store.deleteFinished({ finishedBefore: clock.value, limit: 10 })).toBe(1);
      expect(await store.blobsInUse(asked)).toEqual(new Set(kept));
    });
  });

  describe('outbox', () => {
    const callbackUrl = 'https://hooks.example/a?token=b';

    test('one event for each end of a job that asked for it', async () => {
      const ends = [];
      for (const state of ['succeeded', 'failed', 'canceled'] as const) {
        clock.pass(1);
        ends.push(await endOne(store, { state, callbackUrl }));
        await endOne(store, { state });
      }
      const events = await store.takeDueEvents({ limit: 10, leaseMs: 1000 });
      expect(events).toEqual(
        ends.map(({ id }, index) => ({
          id: events[index]?.id,
          jobId: id,
          url: callbackUrl,
          tries: 0,
          createdAt: clock.value - 2 + index,
          takenUntil: clock.value + 1000,
        })),
      );
      expect(new Set(events.map(({ id }) => id)).size).toBe(3);
      // A retry that fails again is another end.
      await store.retryFailed(ends[1]!.id);
      await store.finishFailed(await claimOne(store, { id: ends[1]!.id, generation: 1 }), pageError);
      expect(await store.takeDueEvents({ limit: 10, leaseMs: 1000 })).toHaveLength(1);
    });

    test('an event that was taken is nobody else’s until its lease ends', async () => {
      await endOne(store, { state: 'failed', callbackUrl });
      const taken = await Promise.all(
        Array.from({ length: 5 }, () => store.takeDueEvents({ limit: 10, leaseMs: 1000 })),
      );
      expect(taken.flat()).toHaveLength(1);
      clock.pass(999);
      expect(await store.takeDueEvents({ limit: 10, leaseMs: 1000 })).toEqual([]);
      clock.pass(1);
      expect(await store.takeDueEvents({ limit: 10, leaseMs: 1000 })).toEqual([
        { ...taken.flat()[0], takenUntil: clock.value + 1000 },
      ]);
    });

    test('events are tried again, delivered or given up', async () => {
      for (let index = 0; index < 3; index += 1) await endOne(store, { state: 'failed', callbackUrl });
      const [again, delivered, givenUp] = await store.takeDueEvents({ limit: 10, leaseMs: 1000 });
      await store.rescheduleEvent(again!.id, { at: clock.value + 5000, code: 'download_timeout' });
      await store.markDelivered(delivered!.id);
      await store.giveUpEvent(givenUp!.id, 'url_not_allowed');
      // Late news of an event that is settled changes nothing.
      await store.rescheduleEvent(delivered!.id, { at: clock.value, code: 'download_failed' });
      clock.pass(4999);
      expect(await store.takeDueEvents({ limit: 10, leaseMs: 1000 })).toEqual([]);
      clock.pass(1);
      expect(await store.takeDueEvents({ limit: 10, leaseMs: 1000 })).toEqual([
        { ...again, tries: 1, takenUntil: clock.value + 1000 },
      ]);
      await store.markDelivered(newId());
    });
  });

  describe('leases', () => {
    const leader = { name: 'leader', ttlMs: 1000 };

    test('one holder at a time', async () => {
      expect(await store.acquireLease({ ...leader, holder: 'a' })).toBe(true);
      expect(await store.acquireLease({ ...leader, holder: 'b' })).toBe(false);
      expect(await store.acquireLease({ ...leader, name: 'other', holder: 'b' })).toBe(true);
      clock.pass(900);
      expect(await store.acquireLease({ ...leader, holder: 'a' })).toBe(true);
      clock.pass(900);
      expect(await store.acquireLease({ ...leader, holder: 'b' })).toBe(false);
      clock.pass(100);
      expect(await store.acquireLease({ ...leader, holder: 'b' })).toBe(true);
      expect(await store.acquireLease({ ...leader, holder: 'a' })).toBe(false);
    });

    test('is given back by its holder only', async () => {
      await store.acquireLease({ ...leader, holder: 'a' });
      await store.releaseLease({ name: 'leader', holder: 'b' });
      expect(await store.acquireLease({ ...leader, holder: 'b' })).toBe(false);
      await store.releaseLease({ name: 'leader', holder: 'a' });
      expect(await store.acquireLease({ ...leader, holder: 'b' })).toBe(true);
    });

    test('of many at once one gets it', async () => {
      const taken = await Promise.all(
        Array.from({ length: 10 }, (_item, index) => store.acquireLease({ ...leader, holder: `h${index}` })),
      );
      expect(taken.filter(Boolean)).toHaveLength(1);
    });

    test('check needs none', async () => {
      await Promise.all([store.check(), store.check()]);
      expect(await store.countUnfinished()).toBe(0);
    });
  });

  test('everything is still there for the next process', async () => {
    const job = await endOne(store, { state: 'succeeded' });
    await store.close();
    store = await openStore(url, clock.now);
    expect((await store.get(job.id))?.result).toEqual(pageOf('Text').result);
  });

  test('a closed store says so', async () => {
    await store.close();
    await expect(store.get(newId())).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(store.accept([newJob()])).rejects.toMatchObject({ code: 'store_unavailable' });
  });
});
