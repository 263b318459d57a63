import { expect, test } from 'vitest';
import { createBodyBudget } from './body-budget.ts';

const full = expect.objectContaining({ code: 'queue_full', retryAfterSeconds: 1 }) as Error;

test('holds as much as it has room for, all bodies together, until they are released', () => {
  const budget = createBodyBudget({ maxBytes: 100, freeBytes: 0 });
  const [first, second] = [budget.lease(), budget.lease()];
  first.add(60);
  second.add(40);
  expect(() => {
    second.add(1);
  }).toThrow(full);
  first.release();
  first.release();
  second.add(60);
  expect(() => {
    budget.lease().add(1);
  }).toThrow(full);
});

test('what was refused does not count', () => {
  const budget = createBodyBudget({ maxBytes: 100, freeBytes: 0 });
  const lease = budget.lease();
  expect(() => {
    lease.add(101);
  }).toThrow(full);
  budget.lease().add(100);
});

test('the first bytes of each body are free', () => {
  const budget = createBodyBudget({ maxBytes: 100, freeBytes: 10 });
  const large = budget.lease();
  large.add(6);
  large.add(104);
  for (let count = 0; count < 50; count++) budget.lease().add(10);
  expect(() => {
    budget.lease().add(11);
  }).toThrow(full);
  large.release();
  budget.lease().add(110);
});
