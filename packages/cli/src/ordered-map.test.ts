import { expect, test } from 'vitest';
import { createSerialQueue, mapInOrder } from './ordered-map.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('yields in order though later ones are done earlier', async () => {
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const done: number[] = [];
  const results = mapInOrder([0, 1, 2], { concurrency: 3, readAhead: 3 }, async (item) => {
    await gates[item]!.promise;
    done.push(item);
    return item * 10;
  });
  const all = Array.fromAsync(results);
  for (const item of [2, 1, 0]) {
    gates[item]!.resolve();
    await tick();
  }
  expect(await all).toEqual([0, 10, 20]);
  expect(done).toEqual([2, 1, 0]);
});

test('works on no more than `concurrency`, and starts no more than `readAhead` before one is taken', async () => {
  let running = 0;
  let most = 0;
  let started = 0;
  const results = mapInOrder([...Array(20).keys()], { concurrency: 2, readAhead: 5 }, async (item) => {
    started++;
    most = Math.max(most, ++running);
    await tick();
    running--;
    return item;
  });
  expect((await results.next()).value).toBe(0);
  for (let i = 0; i < 20; i++) await tick();
  expect(started).toBe(5);
  expect(await Array.fromAsync(results)).toEqual(Array.from({ length: 19 }, (_, i) => i + 1));
  expect(most).toBe(2);
});

test('a serial queue goes on after a failure', async () => {
  const serially = createSerialQueue();
  const first = serially(() => Promise.reject(new Error('no')));
  const second = serially(() => Promise.resolve('yes'));
  await expect(first).rejects.toThrow('no');
  expect(await second).toBe('yes');
});
