import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextTryAt } from './webhook-backoff.ts';

const day = 24 * 3_600_000;

test('tries go on for a day, ever less often, and then end', () => {
  let now = 0;
  let tries = 0;
  const delays: number[] = [];
  for (;;) {
    const at = nextTryAt({ tries, createdAt: 0, now, random: () => 1 });
    if (at === undefined) break;
    delays.push(at - now);
    now = at;
    tries += 1;
  }
  expect(delays.slice(0, 4)).toEqual([5_000, 20_000, 80_000, 320_000]);
  expect(delays).toEqual(delays.toSorted((a, b) => a - b));
  expect(now).toBeGreaterThan(day - 4 * 3_600_000);
  expect(now).toBeLessThanOrEqual(day);
});

test('is always ahead, by half a delay to a whole one', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.double({ min: 0, max: 1, noNaN: true }), (tries, random) => {
      const at = nextTryAt({ tries, createdAt: 0, now: 1000, random: () => random });
      expect(at).toBeGreaterThanOrEqual(1000 + 2_500);
      expect(at).toBeLessThanOrEqual(1000 + 4 * 3_600_000);
    }),
  );
});

test('is not before the receiver wants it, within an hour', () => {
  const after = (retryAfterMs: number) => nextTryAt({ tries: 0, createdAt: 0, now: 0, retryAfterMs, random: () => 0 });
  expect([0, 60_000, 10 * day].map(after)).toEqual([2_500, 60_000, 3_600_000]);
});
