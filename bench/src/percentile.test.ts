import { expect, test } from 'vitest';
import { median, percentile, slope } from './percentile.ts';

test.each([
  { values: [5], share: 0.95, result: 5 },
  { values: [3, 1, 2], share: 0.5, result: 2 },
  { values: [4, 1, 3, 2], share: 0.5, result: 2.5 },
  { values: [10, 20], share: 0.95, result: 19.5 },
  { values: [1, 2, 3], share: 0, result: 1 },
  { values: [1, 2, 10], share: 1, result: 10 },
])('percentile $share of $values is $result', ({ values, share, result }) => {
  expect(percentile(values, share)).toBeCloseTo(result, 10);
});

test('sorts by value, not by spelling', () => {
  expect(median([100, 20, 3])).toBe(20);
});

test('no values have no percentile', () => {
  expect(percentile([], 0.5)).toBeNaN();
});

test('slope of a straight line', () => {
  expect(
    slope([
      [0, 7],
      [1, 9],
      [2, 11],
    ]),
  ).toBeCloseTo(2, 10);
  expect(slope([[1, 5]])).toBeNaN();
});
