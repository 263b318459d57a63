import { expect, it } from 'vitest';
import { createBackoff } from './backoff.ts';

const options = { firstMs: 100, maxMs: 1_000, resetAfterMs: 5_000 };

it('doubles from death to death up to its limit', () => {
  const backoff = createBackoff(options);
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.nextDelayMs(10))).toEqual([100, 200, 400, 800, 1_000, 1_000]);
});

it('starts anew after the process has run well', () => {
  const backoff = createBackoff(options);
  backoff.nextDelayMs(10);
  backoff.nextDelayMs(10);
  expect(backoff.nextDelayMs(5_000)).toBe(100);
  expect(backoff.nextDelayMs(10)).toBe(200);
});
