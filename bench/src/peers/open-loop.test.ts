import { expect, test } from 'vitest';
import type { BenchImage } from '../image-set.ts';
import { arrivalTimes, offerLoad } from './open-loop.ts';

const images = ['a', 'b'].map((file): BenchImage => ({
  file,
  path: file,
  bytes: Buffer.alloc(0),
  truth: undefined,
}));

test('requests come by chance, so often on average, and the same ones for the same seed', () => {
  const load = { requestsPerSecond: 4, requests: 4_000, seed: 1 };
  const times = arrivalTimes(load);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect((times.at(-1) ?? 0) / 1000).toBeCloseTo(1000, -2);
  // A third of the gaps of a Poisson process is longer than their mean (1/e); of even ones none is.
  const gaps = times.map((at, index) => at - (times[index - 1] ?? 0));
  expect(gaps.filter((gap) => gap > 250).length / gaps.length).toBeCloseTo(Math.exp(-1), 1);
  expect(arrivalTimes(load)).toEqual(times);
  expect(arrivalTimes({ ...load, seed: 2 })).not.toEqual(times);
});

test('nobody waits for the answer to another request', async () => {
  const sent: string[] = [];
  const allSent = Promise.withResolvers<void>();
  const result = await offerLoad(images, { requestsPerSecond: 500, requests: 5, seed: 1 }, async (image) => {
    sent.push(image.file);
    if (sent.length === 5) allSent.resolve();
    await allSent.promise;
    return { file: image.file, lines: [] };
  });
  expect(sent.toSorted()).toEqual(['a', 'a', 'a', 'b', 'b']);
  expect(result).toMatchObject({ requests: 5, failed: 0, requestsPerSecond: 500 });
  expect(result.latenciesMs).toHaveLength(5);
});

test('a request that fails is counted and has no latency', async () => {
  const result = await offerLoad(images, { requestsPerSecond: 500, requests: 2, seed: 1 }, async (image) => {
    if (image.file === 'b') throw new Error('429');
    return { file: image.file, lines: [] };
  });
  expect(result.failed).toBe(1);
  expect(result.latenciesMs).toHaveLength(1);
});
