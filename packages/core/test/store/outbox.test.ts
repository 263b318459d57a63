import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JobStore } from '../../src/store/store.ts';
import { databaseKinds, endOne, newId, openStore, TestClock, type TestDatabases } from './store-fixture.ts';

const callbackUrl = 'https://hooks.example/a?token=b';
const dayMs = 86_400_000;

describe.each(databaseKinds)('$name', ({ start }) => {
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

  async function announce(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) await endOne(store, { state: 'failed', callbackUrl });
  }
  const take = (leaseMs = 1000) => store.takeDueEvents({ limit: 10, leaseMs });

  describe('events that are returned', () => {
    test('are due at once, as if nobody had taken them', async () => {
      await announce(3);
      const [kept, ...returned] = await take();
      clock.pass(10);
      await store.returnEvents(returned);
      const again = await take();
      expect(again.map(({ id }) => id).toSorted()).toEqual(returned.map(({ id }) => id).toSorted());
      expect(again.map(({ tries }) => tries)).toEqual([0, 0]);
      expect(again.map(({ id }) => id)).not.toContain(kept!.id);
    });

    test('stay with whoever has taken them since', async () => {
      await announce(1);
      const lost = await take();
      clock.pass(1000);
      expect(await take()).toHaveLength(1);
      await store.returnEvents(lost);
      expect(await take()).toEqual([]);
    });

    test('stay settled, or put off, if they are', async () => {
      await announce(2);
      const taken = await take();
      await store.markDelivered(taken[0]!.id);
      await store.rescheduleEvent(taken[1]!.id, { at: clock.value + 5000, code: 'download_failed' });
      await store.returnEvents([...taken, { id: newId(), takenUntil: clock.value }]);
      await store.returnEvents([]);
      expect(await take()).toEqual([]);
    });
  });

  describe('old events', () => {
    const query = { olderThanMs: dayMs, code: 'deadline_exceeded', limit: 2 } as const;

    test('are given up in portions, and their jobs may go', async () => {
      await announce(3);
      clock.pass(1);
      await announce(1);
      clock.pass(dayMs);
      expect(await store.giveUpOldEvents(query)).toBe(2);
      expect(await store.giveUpOldEvents(query)).toBe(1);
      expect(await store.giveUpOldEvents(query)).toBe(0);
      expect(await store.deleteFinished({ finishedBefore: clock.value + 1, limit: 10 })).toBe(3);
      expect(await take()).toHaveLength(1);
      clock.pass(1000);
      expect(await store.giveUpOldEvents(query)).toBe(1);
    });

    test('are left to whoever has taken them', async () => {
      await announce(1);
      clock.pass(dayMs + 1);
      await take();
      expect(await store.giveUpOldEvents(query)).toBe(0);
      clock.pass(1000);
      expect(await store.giveUpOldEvents(query)).toBe(1);
    });
  });

  test('events are pending, taken or not, until they are settled; more than asked for are not counted', async () => {
    await announce(4);
    const [delivered, givenUp] = await take();
    expect(await store.countPendingEvents(10)).toBe(4);
    await store.markDelivered(delivered!.id);
    await store.giveUpEvent(givenUp!.id, 'download_failed');
    expect(await store.countPendingEvents(10)).toBe(2);
    expect(await store.countPendingEvents(1)).toBe(1);
  });
});
