import { beforeEach, expect, test } from 'vitest';
import { DueTime } from './due-time.ts';

const hourMs = 3_600_000;

let monotonicMs: number;
let wallMs: number;
let due: DueTime;

beforeEach(() => {
  monotonicMs = 5_000;
  wallMs = 1_800_000_000_000;
  due = new DueTime({ monotonic: () => monotonicMs, wall: () => wallMs });
});

function pass(ms: number): void {
  monotonicMs += ms;
  wallMs += ms;
}

test('is due from the start, after its time, and when it is told so', () => {
  expect(due.isDue).toBe(true);
  due.setIn(1_000);
  pass(999);
  expect(due.isDue).toBe(false);
  pass(1);
  expect(due.isDue).toBe(true);
  due.setIn(1_000);
  expect(due.isDue).toBe(false);
  due.setNow();
  expect(due.isDue).toBe(true);
});

test.each([-hourMs, hourMs])('a clock that is set by %i ms makes it due once, and delays nothing', (stepMs) => {
  due.setIn(1_000);
  pass(100);
  wallMs += stepMs;
  expect(due.isDue).toBe(true);
  due.setIn(1_000);
  pass(900);
  expect(due.isDue).toBe(false);
  pass(100);
  expect(due.isDue).toBe(true);
});

test('it is due when the machine has slept, and its monotonic clock with it', () => {
  due.setIn(10_000);
  wallMs += 60_000;
  expect(due.isDue).toBe(true);
});

test('a clock that is kept in step does not make it due', () => {
  due.setIn(10_000);
  pass(5_000);
  wallMs -= 50;
  expect(due.isDue).toBe(false);
});
