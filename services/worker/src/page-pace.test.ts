import { expect, test } from 'vitest';
import { PagePace } from './page-pace.ts';

test('follows the time that pages take, without being thrown by one of them', () => {
  const pace = new PagePace(20_000);
  expect(pace.meanMs).toBe(0);
  pace.add(500);
  expect(pace.meanMs).toBe(500);
  pace.add(10_000);
  expect(pace.meanMs).toBeLessThan(2000);
  for (let page = 0; page < 60; page += 1) pace.add(800);
  expect(Math.round(pace.meanMs)).toBeGreaterThan(780);
  expect(Math.round(pace.meanMs)).toBeLessThan(820);
});

test('takes no notice of pages that were read while the process was stopped', () => {
  const pace = new PagePace(20_000);
  pace.add(500);
  pace.add(60_000);
  expect(pace.meanMs).toBe(500);
});
