import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JobStore } from '../../src/store/store.ts';
import { acceptOne, claimOne, databaseKinds, openStore, TestClock, type TestDatabases } from './store-fixture.ts';

const hourMs = 3_600_000;

/** A machine whose clock was an hour ahead when it started, and was set right since. */
describe.each(databaseKinds)('$name, after its clock was set back', ({ start }) => {
  let databases: TestDatabases;
  let clock: TestClock;
  let store: JobStore;
  beforeAll(async () => {
    databases = await start();
  });
  afterAll(() => databases.stop());
  beforeEach(async () => {
    clock = new TestClock();
    store = await openStore(await databases.newUrl(), clock.now);
  });
  afterEach(() => store.close());

  test('a lease from before is free', async () => {
    const leader = { name: 'leader', ttlMs: 6_000 };
    await store.acquireLease({ ...leader, holder: 'former' });
    clock.pass(-hourMs);
    expect(await store.acquireLease({ ...leader, holder: 'next' })).toBe(true);
    expect(await store.acquireLease({ ...leader, holder: 'former' })).toBe(false);
  });

  test('the clocks of two processes may differ a little', async () => {
    const leader = { name: 'leader', ttlMs: 6_000 };
    await store.acquireLease({ ...leader, holder: 'former' });
    clock.pass(-1_000);
    expect(await store.acquireLease({ ...leader, holder: 'next' })).toBe(false);
  });

  test('jobs that were accepted or claimed before are found missing and sent anew', async () => {
    const queued = await acceptOne(store);
    const active = await acceptOne(store);
    await claimOne(store, active);
    clock.pass(-hourMs);
    const recent = await acceptOne(store);
    const running = await acceptOne(store);
    await claimOne(store, running);
    const listed = await store.pending({ untouchedSince: clock.value - 1, limit: 10 });
    expect(listed.map(({ id }) => id)).toEqual([queued.id, active.id]);
    const sent = await store.resend(listed);
    expect(sent.map(({ id, generation }) => [id, generation])).toEqual([
      [queued.id, 1],
      [active.id, 1],
    ]);
    expect(await store.pending({ untouchedSince: clock.value - 1, limit: 10 })).toEqual([]);
    expect((await store.get(recent.id))?.generation).toBe(0);
  });
});
