import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { InboxFileRecord, JobStore } from '../../src/store/store.ts';
import {
  acceptOne,
  claimOne,
  databaseKinds,
  endOne,
  openStore,
  TestClock,
  type TestDatabases,
} from './store-fixture.ts';

const sha256 = 'ab'.repeat(32);
const unreadable = { code: 'image_unreadable', message: 'The file is empty' } as const;

function file(path: string, changes: Partial<InboxFileRecord> = {}): InboxFileRecord {
  return { path, stamp: `${path} 1`, bytes: 10, ...changes };
}

describe.each(databaseKinds)('files of the inbox on $name', ({ start }) => {
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

  test('may have paths of 2,000 bytes, which no compression makes shorter', async () => {
    const path = randomBytes(1_500).toString('base64url');
    await store.recordInboxFiles([file(path), file('short.png', { error: unreadable })]);
    await store.recordInboxFiles([file(path, { error: unreadable })]);
    expect((await store.inboxFiles([path])).get(path)).toMatchObject({ path, error: unreadable });
  });

  test('are known as they were recorded last, whatever their names hold', async () => {
    const names = ['a.png', 'ä/ö "x"\n.png', "b';--.png", 'c\\.png', 'lone \uD800.png'];
    await store.recordInboxFiles(names.map((name) => file(name, { sha256, jobId: 'job', bytes: 2 ** 40 })));
    const known = await store.inboxFiles([...names, 'unknown.png']);
    expect([...known.keys()].toSorted()).toEqual(names.toSorted());
    expect(known.get(names[1]!)).toEqual({
      ...file(names[1]!, { sha256, jobId: 'job', bytes: 2 ** 40 }),
      updatedAt: clock.value,
    });
    clock.pass(5);
    await store.recordInboxFiles([file('a.png', { stamp: 'new', error: unreadable })]);
    expect((await store.inboxFiles(['a.png'])).get('a.png')).toEqual({
      ...file('a.png', { stamp: 'new', error: unreadable }),
      updatedAt: clock.value,
    });
    await store.recordInboxFiles([]);
    expect(await store.inboxFiles([])).toEqual(new Map());
  });

  test('are marked as moved, until something new comes under their name', async () => {
    await store.recordInboxFiles([file('a.png'), file('b.png')]);
    await store.markInboxFilesMoved(['a.png']);
    const known = await store.inboxFiles(['a.png', 'b.png']);
    expect(known.get('a.png')?.movedAt).toBe(clock.value);
    expect(known.get('b.png')?.movedAt).toBeUndefined();
    await store.recordInboxFiles([file('a.png', { stamp: 'new' })]);
    expect((await store.inboxFiles(['a.png'])).get('a.png')?.movedAt).toBeUndefined();
  });

  test('with an error are listed page by page, and can be forgotten; others cannot', async () => {
    const names = Array.from({ length: 5 }, (_item, index) => `${index}.png`);
    await store.recordInboxFiles([...names.map((name) => file(name, { error: unreadable })), file('good.png')]);
    const first = await store.unreadableInboxFiles({ limit: 3 });
    expect(first).toEqual(['0.png', '1.png', '2.png']);
    expect(await store.unreadableInboxFiles({ after: '2.png', limit: 3 })).toEqual(['3.png', '4.png']);
    await store.forgetInboxFiles(['0.png', 'good.png']);
    expect([...(await store.inboxFiles([...names, 'good.png'])).keys()]).toEqual([...names.slice(1), 'good.png']);
  });

  test('whose job failed are listed and can be forgotten like those with an error, unless they were moved', async () => {
    const { id: failed } = await endOne(store, { state: 'failed' });
    const { id: done } = await endOne(store, { state: 'succeeded' });
    await store.recordInboxFiles([
      file('a.png', { jobId: failed }),
      file('b.png', { jobId: failed }),
      file('c.png', { error: unreadable }),
      file('done.png', { jobId: done }),
      file('moved.png', { jobId: failed }),
    ]);
    await store.markInboxFilesMoved(['moved.png']);
    expect(await store.unreadableInboxFiles({ limit: 9 })).toEqual(['a.png', 'b.png', 'c.png']);
    expect(await store.unreadableInboxFiles({ after: 'a.png', limit: 1 })).toEqual(['b.png']);
    const all = ['a.png', 'b.png', 'c.png', 'done.png', 'moved.png'];
    await store.forgetInboxFiles(all);
    expect([...(await store.inboxFiles(all)).keys()]).toEqual(['done.png', 'moved.png']);
  });

  test('are counted by the states of their jobs, and tell which jobs are under way', async () => {
    const queued = await acceptOne(store);
    const active = await acceptOne(store);
    await claimOne(store, active);
    const [done, failed] = [await endOne(store, { state: 'succeeded' }), await endOne(store, { state: 'failed' })];
    await acceptOne(store);
    await store.recordInboxFiles([
      file('queued.png', { jobId: queued.id }),
      file('the same.png', { jobId: queued.id }),
      file('active.png', { jobId: active.id }),
      file('done.png', { jobId: done.id }),
      file('failed.png', { jobId: failed.id }),
      file('deleted.png', { jobId: 'deleted' }),
      file('empty.png', { error: unreadable }),
    ]);
    expect(await store.countInboxFiles()).toEqual({
      queued: 2,
      active: 1,
      succeeded: 1,
      failed: 1,
      canceled: 0,
      unreadable: 1,
    });
    expect((await store.unfinishedInboxJobs(10)).toSorted()).toEqual([queued.id, active.id].toSorted());
    expect(await store.unfinishedInboxJobs(1)).toHaveLength(1);
  });

  test('takes a thousand of them in one call', async () => {
    const many = Array.from({ length: 1_000 }, (_item, index) => file(`${index}.png`));
    await Promise.all([store.recordInboxFiles(many), store.recordInboxFiles(many.toReversed())]);
    expect(await store.inboxFiles(many.map(({ path }) => path))).toHaveProperty('size', 1_000);
  });
});
