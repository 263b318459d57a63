import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databaseKinds, openStore, type TestDatabases } from './store-fixture.ts';
import { startStoreProcess } from './store-process.ts';

describe.each(databaseKinds)('$name', ({ start }) => {
  let databases: TestDatabases;
  beforeAll(async () => {
    databases = await start();
  });
  afterAll(() => databases.stop());

  test('processes that start at once set the database up once', async () => {
    const url = await databases.newUrl();
    const processes = Array.from({ length: 5 }, () => startStoreProcess('open', url));
    expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual([0, 0, 0, 0, 0]);
  });

  test('what several processes accept and run is made once and ends once', async () => {
    const url = await databases.newUrl();
    const senders = Array.from({ length: 3 }, () => startStoreProcess('accept', url, '120'));
    expect(await Promise.all(senders.map(({ ended }) => ended))).toEqual([0, 0, 0]);
    const made = senders.flatMap(({ lines }) => lines);
    expect(new Set(made).size).toBe(120);
    expect(made).toHaveLength(120);

    const workers = Array.from({ length: 3 }, (_item, index) => startStoreProcess('work', url, `worker-${index}`));
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0, 0]);
    const finished = workers.flatMap(({ lines }) => lines);
    expect(finished.toSorted()).toEqual(made.toSorted());
    const store = await openStore(url);
    try {
      expect(await store.countByState()).toMatchObject({ succeeded: 120, queued: 0, active: 0 });
      for (const [index, { lines }] of workers.entries()) {
        for (const id of lines.slice(0, 10)) {
          expect((await store.get(id))?.result?.lines.map(({ text }) => text)).toEqual([`by worker-${index}`]);
        }
      }
    } finally {
      await store.close();
    }
  });

  test('kill -9 takes nothing that was promised, and half of nothing stays', async () => {
    const url = await databases.newUrl();
    const sender = startStoreProcess('accept', url, '100000');
    const other = startStoreProcess('accept', url, '400');
    await expect.poll(() => sender.lines.length, { timeout: 20_000 }).toBeGreaterThan(100);
    sender.kill();
    await sender.ended;
    expect(await other.ended).toBe(0);
    const store = await openStore(url);
    try {
      const promised = [...sender.lines, ...other.lines];
      const states = new Map<string, string>();
      for (let at = 0; at < promised.length; at += 1000) {
        for (const [id, state] of await store.states(promised.slice(at, at + 1000))) states.set(id, state);
      }
      expect(promised.filter((id) => !states.has(id))).toEqual([]);
      await store.check();
    } finally {
      await store.close();
    }
  });
});
