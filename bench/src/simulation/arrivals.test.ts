import { describe, expect, test } from 'vitest';
import { type Arrivals, allAtOnce, inTurns, steadily, together, withBurst } from './arrivals.ts';
import { createRandom } from './random.ts';

function arriveUntil(arrivals: Arrivals, endSeconds: number): number[] {
  const times: number[] = [];
  for (let at = arrivals.next(0); at < endSeconds; at = arrivals.next(at)) times.push(at);
  return times;
}
/** How many come in each of so many periods. */
function countPeriods(times: readonly number[], count: number, seconds: number): number[] {
  const counts = Array.from({ length: count }, () => 0);
  for (const at of times) counts[Math.floor(at / seconds)] = (counts[Math.floor(at / seconds)] ?? 0) + 1;
  return counts;
}
/** 1 where things come by chance. */
function varianceByMean(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length / mean;
}
const between = (times: readonly number[], from: number, to: number) =>
  times.filter((at) => at >= from && at < to).length;

describe('steady arrivals', () => {
  const times = arriveUntil(steadily(createRandom(11), 5), 10_000);

  test('come at their rate', () => {
    expect(times.length / 10_000).toBeGreaterThan(4.85);
    expect(times.length / 10_000).toBeLessThan(5.15);
  });

  test('come by chance: their number in a second varies as much as its mean', () => {
    const spread = varianceByMean(countPeriods(times, 10_000, 1));
    expect(spread).toBeGreaterThan(0.94);
    expect(spread).toBeLessThan(1.06);
  });
});

test('a burst raises the rate while it lasts', () => {
  const burst = { steadyPerSecond: 1, burstPerSecond: 20, fromSeconds: 1_000, untilSeconds: 1_500 };
  const times = arriveUntil(withBurst(createRandom(2), burst), 3_000);
  expect(between(times, 0, 1_000)).toBeGreaterThan(880);
  expect(between(times, 0, 1_000)).toBeLessThan(1_120);
  expect(between(times, 1_000, 1_500)).toBeGreaterThan(9_600);
  expect(between(times, 1_000, 1_500)).toBeLessThan(10_400);
  expect(between(times, 1_500, 3_000)).toBeLessThan(1_650);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test('weather in turns: the mean rate is that of all times together, and counts vary more than by chance', () => {
  const weathers = [
    { perSecond: 1, meanSeconds: 300 },
    { perSecond: 21, meanSeconds: 60 },
  ];
  const times = arriveUntil(inTurns(createRandom(4), weathers), 100_000);
  const expected = (1 * 300 + 21 * 60) / 360;
  expect(times.length / 100_000 / expected).toBeGreaterThan(0.9);
  expect(times.length / 100_000 / expected).toBeLessThan(1.1);
  expect(varianceByMean(countPeriods(times, 1_000, 100))).toBeGreaterThan(10);
});

test('all at once are so many at one time, and together come in order', () => {
  expect(arriveUntil(allAtOnce(3, 7), 100)).toEqual([7, 7, 7]);
  const times = arriveUntil(together(steadily(createRandom(1), 1), allAtOnce(5, 50)), 100);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times.filter((at) => at === 50)).toHaveLength(5);
  expect(times.length).toBeGreaterThan(70);
});
