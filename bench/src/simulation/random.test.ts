import { expect, test } from 'vitest';
import { createRandom } from './random.ts';

const draw = (seed: number, count = 20_000) => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.next());
};
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test('the same seed gives the same numbers, another one others', () => {
  expect(draw(7, 50)).toEqual(draw(7, 50));
  expect(draw(7, 50)).not.toEqual(draw(8, 50));
});

test('numbers fill 0 to 1 evenly', () => {
  const values = draw(1);
  expect(mean(values)).toBeCloseTo(0.5, 1);
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const share = values.filter((value) => Math.floor(value * 10) === tenth).length / values.length;
    expect(share).toBeGreaterThan(0.09);
    expect(share).toBeLessThan(0.11);
  }
});

test('times between chance events have their mean, and a share of 1/e is longer', () => {
  const random = createRandom(3);
  const times = Array.from({ length: 20_000 }, () => random.exponential(4));
  expect(mean(times)).toBeGreaterThan(3.9);
  expect(mean(times)).toBeLessThan(4.1);
  expect(times.filter((time) => time > 4).length / times.length).toBeCloseTo(1 / Math.E, 1);
});

test('what a fork draws changes nothing for who has made it', () => {
  const one = createRandom(5);
  one.fork();
  const other = createRandom(5);
  const fork = other.fork();
  for (let index = 0; index < 100; index += 1) fork.next();
  expect(one.next()).toBe(other.next());
});

test('picking from nothing is refused', () => {
  expect(() => createRandom(1).pick([])).toThrow(RangeError);
});
