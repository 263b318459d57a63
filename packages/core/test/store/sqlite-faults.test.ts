import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createJobStore, type JobStore } from '../../src/store/store.ts';
import {
  acceptOne,
  claimOne,
  databaseKinds,
  endOne,
  logger,
  newJob,
  openStore,
  pageOf,
  type TestDatabases,
} from './store-fixture.ts';
import { startStoreProcess } from './store-process.ts';

let databases: TestDatabases;
let url: string;
beforeAll(async () => {
  databases = await databaseKinds.find(({ name }) => name === 'sqlite')!.start();
});
afterAll(() => databases.stop());
beforeEach(async () => {
  url = await databases.newUrl();
});

/** Longer than a call waits for a lock, and less than one waits for a thread that does not answer at all. */
const lockMs = '12000';

describe('locked by another process', () => {
  test('waits without holding the event loop, then works; reads go on meanwhile', async () => {
    const store = await openStore(url);
    const job = await endOne(store, { state: 'succeeded' });
    const locker = startStoreProcess('lock', url, lockMs);
    await locker.says('locked');
    const writes = Promise.all([acceptOne(store), store.check(), store.cancel(job.id), acceptOne(store)]);
    const written = writes.then(() => 'written');
    // The lock goes when these reads are done: were the event loop held meanwhile, the writes would have to give up.
    for (let reads = 0; reads < 5; reads += 1) {
      expect((await store.get(job.id))?.state).toBe('succeeded');
      expect(await Promise.race([written, delay(20, 'waiting')])).toBe('waiting');
    }
    locker.kill();
    await writes;
    expect(await store.countUnfinished()).toBe(2);
    await locker.ended;
    await store.close();
  });

  test('gives up after a few seconds with store_unavailable, and works again after', async () => {
    const store = await openStore(url);
    const locker = startStoreProcess('lock', url, lockMs);
    await locker.says('locked');
    const job = newJob();
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 20);
    // Whoever did not give up would have what he wants when the lock ends by itself.
    const outcomes = await Promise.allSettled([
      store.accept([job]),
      store.check(),
      ...Array.from({ length: 50 }, () => store.accept([newJob()])),
    ]);
    clearInterval(timer);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable', retryable: true } });
    }
    // Of two hundred on an idle machine; of a loop that is held while somebody waits, one or two.
    expect(turns).toBeGreaterThan(20);
    locker.kill();
    await locker.ended;
    expect(await store.accept([job])).toMatchObject([{ created: true }]);
    expect(await store.countUnfinished()).toBe(1);
    await store.close();
  });

  test('opens when the lock is gone', async () => {
    await (await openStore(url)).close();
    const locker = startStoreProcess('lock', url, '1000');
    await locker.says('locked');
    const store = createJobStore({ databaseUrl: url, migrate: 'auto', logger });
    await store.ready;
    await store.check();
    await store.close();
  });
});

describe('a full disk', () => {
  const isRoot = process.getuid?.() === 0;
  let folder: string;
  let store: JobStore;

  beforeEach(() => {
    if (!isRoot) return;
    folder = mkdtempSync(path.join(tmpdir(), 'glyphmill-small-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]);
  });
  afterEach(async () => {
    if (!isRoot) return;
    await store.close();
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  });
  const fill = async (name: string): Promise<void> => {
    for (const size of [1024 * 1024, 64 * 1024, 4096]) {
      for (let part = 0; ; part += 1) {
        const written = await writeFile(path.join(folder, `${name}-${size}-${part}`), Buffer.alloc(size)).then(
          () => true,
          () => false,
        );
        if (!written) break;
      }
    }
  };
  const free = (): void => {
    execFileSync('/bin/sh', ['-c', `rm ${folder}/ballast*`]);
  };
  const batch = () => Array.from({ length: 500 }, () => newJob({ metadata: { filler: 'x'.repeat(200) } }));

  test('refuses with storage_full, keeps what it had, and works again when there is room', async ({ skip }) => {
    skip(!isRoot, 'only root can mount a small disk');
    store = await openStore(`file:${folder}/ocr_data.db`);
    const job = await acceptOne(store);
    const claim = await claimOne(store, job);
    await fill('ballast');
    await expect(store.accept(batch())).rejects.toMatchObject({ code: 'storage_full', retryable: true });
    await expect(store.accept(batch())).rejects.toMatchObject({ code: 'storage_full' });
    expect(await store.countUnfinished()).toBe(1);
    expect((await store.get(job.id))?.state).toBe('active');
    const longPage = pageOf(...Array.from({ length: 3000 }, (_item, index) => `a long line of text, number ${index}`));
    await expect(store.finishSucceeded(claim, longPage)).rejects.toMatchObject({ code: 'storage_full' });
    free();
    expect(await store.finishSucceeded(claim, longPage)).toBe(true);
    expect((await store.get(job.id))?.result).toEqual(longPage.result);
    expect(await store.accept(batch())).toHaveLength(500);
    await store.check();
  });

  test('a write that is too large fails alone', async ({ skip }) => {
    skip(!isRoot, 'only root can mount a small disk');
    store = await openStore(`file:${folder}/ocr_data.db`);
    await acceptOne(store);
    const outcomes = await Promise.allSettled([
      store.accept([newJob()]),
      store.accept(Array.from({ length: 1000 }, () => newJob({ metadata: { filler: 'x'.repeat(4000) } }))),
      store.accept([newJob()]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'storage_full' } });
    expect(await store.countUnfinished()).toBe(3);
  });

  test('opens when there is room', async ({ skip }) => {
    skip(!isRoot, 'only root can mount a small disk');
    await fill('ballast');
    store = createJobStore({ databaseUrl: `file:${folder}/ocr_data.db`, migrate: 'auto', logger });
    const opened = store.ready.then(() => 'open');
    expect(await Promise.race([opened, delay(500, 'waiting')])).toBe('waiting');
    await expect(store.check()).rejects.toMatchObject({ code: 'store_unavailable' });
    free();
    await opened;
    await store.check();
  });
});

test('a folder that cannot be made yet is tried again', async () => {
  const file = url.slice('file:'.length);
  const parent = path.dirname(file);
  await writeFile(parent, 'a file where the folder should be');
  const store = createJobStore({ databaseUrl: url, migrate: 'auto', logger });
  await delay(300);
  await expect(store.check()).rejects.toMatchObject({ code: 'store_unavailable' });
  await rm(parent);
  await store.ready;
  await store.check();
  await store.close();
});
