import { expect, test } from 'vitest';
import { createPendingWork } from './pending-work.ts';

test('waits for failures and for what begins meanwhile', async () => {
  const work = createPendingWork();
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  work.track(first.promise).catch(() => {
    work.track(second.promise).then(
      () => seen.push('second'),
      () => undefined,
    );
  });
  const settled = work.settled().then(() => seen.push('settled'));
  first.reject(new Error('broken'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([]);
  second.resolve();
  await settled;
  expect(seen).toEqual(['second', 'settled']);
});
