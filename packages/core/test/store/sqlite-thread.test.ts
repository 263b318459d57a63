import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { acceptOne, databaseKinds, newJob, openStore } from './store-fixture.ts';

test('when its thread ends, calls under way are told, and a new thread goes on', async () => {
  const databases = await databaseKinds.find(({ name }) => name === 'sqlite')!.start();
  const threads: Worker[] = [];
  const note = (thread: Worker): number => threads.push(thread);
  process.on('worker', note);
  try {
    const store = await openStore(await databases.newUrl());
    const kept = await acceptOne(store);
    expect(threads).toHaveLength(1);
    const calls = Array.from({ length: 20 }, () => store.accept([newJob()]));
    await threads[0]!.terminate();
    for (const outcome of await Promise.allSettled(calls)) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'store_unavailable' });
    }
    // Until the new thread is there, calls are refused rather than lost.
    await expect(store.check()).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect.poll(() => store.check().then(() => 'works'), { timeout: 20_000 }).toBe('works');
    expect(threads).toHaveLength(2);
    expect((await store.get(kept.id))?.state).toBe('queued');
    // Closed between two threads, it starts no other one.
    await threads[1]!.terminate();
    await store.close();
    await delay(1000);
    expect(threads).toHaveLength(2);
    await expect(store.check()).rejects.toMatchObject({ code: 'store_unavailable' });
  } finally {
    process.off('worker', note);
    await databases.stop();
  }
});
