import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { mapConcurrently } from './map-concurrently.ts';

it('keeps the order, and works on as many at the same time as it may', async () => {
  let running = 0;
  let most = 0;
  const results = await mapConcurrently([5, 1, 4, 1, 3], { atOnce: 3 }, async (turns) => {
    most = Math.max(most, ++running);
    for (let i = 0; i < turns; i++) await turn();
    running--;
    return turns * 10;
  });
  expect(results).toEqual([50, 10, 40, 10, 30]);
  expect(most).toBe(3);
});

it('has nothing to do without items', async () => {
  expect(await mapConcurrently([], { atOnce: 3 }, () => Promise.reject(new Error('asked')))).toEqual([]);
});

it('begins nothing more once one has failed', async () => {
  const begun: number[] = [];
  const work = async (item: number): Promise<void> => {
    begun.push(item);
    await turn();
    if (item === 1) throw new Error('one failed');
    await turn();
  };
  await expect(mapConcurrently([0, 1, 2, 3, 4, 5], { atOnce: 2 }, work)).rejects.toThrow('one failed');
  await turn();
  await turn();
  expect(begun.length).toBeLessThan(5);
});

it('begins nothing more once it is told to stop', async () => {
  const abort = new AbortController();
  const begun: number[] = [];
  const work = (item: number): Promise<void> => {
    begun.push(item);
    if (item === 1) abort.abort();
    return Promise.resolve();
  };
  const mapped = mapConcurrently([0, 1, 2, 3], { atOnce: 1, signal: abort.signal }, work);
  await expect(mapped).rejects.toThrow(/abort/i);
  expect(begun).toEqual([0, 1]);
});
