import { expect, test, vi } from 'vitest';
import { Turns } from './turns.ts';

const never = (): Promise<never> => new Promise(() => undefined);

test('so many work at once, and the others in the order in which they came', async () => {
  const turns = new Turns({ atOnce: 2, waitLimitMs: 10_000 });
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const works = Array.from({ length: 5 }, (_item, index) =>
    turns.take(async () => {
      begun.push(index);
      await new Promise<void>((resolve) => {
        ends.push(resolve);
      });
      if (index === 2) throw new Error('failed');
      return index;
    }),
  );
  const outcomes = Promise.allSettled(works);
  for (const count of [2, 3, 4, 5, 5]) {
    await vi.waitFor(() => expect(begun).toHaveLength(count));
    ends.shift()?.();
  }
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect((await outcomes).map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);
});

test('who has waited for too long is told so, and takes nobody’s turn', async () => {
  const turns = new Turns({ atOnce: 1, waitLimitMs: 20 });
  const late = Promise.withResolvers<string>();
  const first = turns.take(() => late.promise);
  await expect(turns.take(never)).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
  late.resolve('done');
  expect(await first).toBe('done');
  expect(await turns.take(async () => 'next')).toBe('next');
});
