import { expect, test } from 'vitest';
import { parsePrefer } from './prefer-header.ts';

test.each([
  [undefined, false, undefined],
  ['', false, undefined],
  ['respond-async', true, undefined],
  ['Respond-Async, WAIT=10', true, 10_000],
  ['wait=5;x=y, respond-async; foo=bar', true, 5_000],
  ['wait="7"', false, 7_000],
  ['wait = 0', false, 0],
  ['wait=1, wait=2', false, 1_000],
  ['wait=-1', false, undefined],
  ['wait=abc', false, undefined],
  ['wait=99999999999999999999', false, undefined],
  ['return=minimal, respond-asynchronously', false, undefined],
])('%j', (header, respondAsync, waitMs) => {
  expect(parsePrefer(header)).toEqual({ respondAsync, waitMs });
});
