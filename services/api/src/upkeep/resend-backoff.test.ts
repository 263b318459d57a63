import { expect, test } from 'vitest';
import { ResendBackoff } from './resend-backoff.ts';

let now = 0;

function pausesOf(backoff: ResendBackoff, sends: number): number[] {
  return Array.from({ length: sends }, () => {
    backoff.sent('a');
    const sentAt = now;
    while (!backoff.isDue('a')) now += 1_000;
    return now - sentAt;
  });
}

test('a job that comes back each time is left alone longer and longer, up to ten minutes', () => {
  const backoff = new ResendBackoff(5_000, () => now);
  expect(backoff.isDue('a')).toBe(true);
  expect(pausesOf(backoff, 9)).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600].map((seconds) => seconds * 1_000));
  expect(backoff.isDue('b')).toBe(true);
});

test('a job that has not come back for as long as it had to wait counts as new', () => {
  const backoff = new ResendBackoff(5_000, () => now);
  pausesOf(backoff, 5);
  backoff.forgetOld();
  expect(pausesOf(backoff, 1)).toEqual([160_000]);
  now += 160_001;
  backoff.forgetOld();
  expect(pausesOf(backoff, 1)).toEqual([5_000]);
});
