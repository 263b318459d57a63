import { expect, test } from 'vitest';
import { meanWaitSeconds, shareThatWaits, utilization, waitExceededBy } from './erlang-c.ts';

test('one engine: the share that waits is the share of its time that is used', () => {
  const load = { engines: 1, arrivalsPerSecond: 0.7, meanPageSeconds: 1 };
  expect(shareThatWaits(load)).toBeCloseTo(0.7, 12);
  // M/M/1: used / (rate at which it is freed).
  expect(meanWaitSeconds(load)).toBeCloseTo(0.7 / 0.3, 12);
});

test('two engines, half used: a third waits', () => {
  const load = { engines: 2, arrivalsPerSecond: 1, meanPageSeconds: 1 };
  expect(utilization(load)).toBe(0.5);
  expect(shareThatWaits(load)).toBeCloseTo(1 / 3, 12);
  expect(meanWaitSeconds(load)).toBeCloseTo(1 / 3, 12);
});

test("a table's value: ten engines for eight Erlang", () => {
  expect(shareThatWaits({ engines: 10, arrivalsPerSecond: 8, meanPageSeconds: 1 })).toBeCloseTo(0.4092, 4);
});

test('many engines stay in range', () => {
  const share = shareThatWaits({ engines: 5_000, arrivalsPerSecond: 4_900, meanPageSeconds: 1 });
  expect(share).toBeGreaterThan(0);
  expect(share).toBeLessThan(1);
});

test('the wait that a share exceeds is 0 where fewer wait at all, and endless without room', () => {
  expect(waitExceededBy(0.05, { engines: 10, arrivalsPerSecond: 1, meanPageSeconds: 1 })).toBe(0);
  const full = { engines: 2, arrivalsPerSecond: 2, meanPageSeconds: 1 };
  expect(waitExceededBy(0.05, full)).toBe(Number.POSITIVE_INFINITY);
  expect(meanWaitSeconds(full)).toBe(Number.POSITIVE_INFINITY);
  expect(shareThatWaits(full)).toBe(1);
});
