import { expect, test } from 'vitest';
import { parseRetryAfter } from './api-requester.ts';

test.each([
  [null, undefined],
  ['0', 0],
  [' 5 ', 5000],
  ['-1', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['Wed, 25 Nov 2026 09:30:10 GMT', 10_000],
  ['Wed, 25 Nov 2026 09:29:00 GMT', 0],
])('Retry-After %j means %j ms', (value, expected) => {
  expect(parseRetryAfter(value, Date.UTC(2026, 10, 25, 9, 30))).toBe(expected);
});
