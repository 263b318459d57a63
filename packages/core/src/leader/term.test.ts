import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { momentIn, Term, TermOver } from './term.ts';

/** As if the whole process had been stopped. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

// Tried again where the machine stood still before the first look.
test('ends by its timer, and wakes who waits', { retry: 2 }, async () => {
  const term = new Term(momentIn(300));
  expect(term.isOver).toBe(false);
  term.check();
  await new Promise((resolve) => {
    term.signal.addEventListener('abort', resolve);
  });
  expect(term.signal.reason).toBeInstanceOf(TermOver);
  expect(() => {
    term.check();
  }).toThrow(TermOver);
});

test('is over by the clock, before any timer could tell', () => {
  const term = new Term(momentIn(30));
  standStill(50);
  expect(term.signal.aborted).toBe(false);
  expect(term.isOver).toBe(true);
});

test('either clock will do: one stands still while the machine sleeps, the other may be set back', () => {
  const past = { wallMs: Date.now() - 1, monotonicMs: performance.now() - 1 };
  const future = momentIn(60_000);
  expect(new Term({ ...future, wallMs: past.wallMs }).isOver).toBe(true);
  expect(new Term({ ...future, monotonicMs: past.monotonicMs }).isOver).toBe(true);
  expect(new Term(future).isOver).toBe(false);
});

test('goes on when it is extended in time; never after it was over', { retry: 2 }, async () => {
  const term = new Term(momentIn(300));
  term.extend(momentIn(60_000));
  await delay(350);
  expect(term.isOver).toBe(false);
  term.end('for a test');
  term.extend(momentIn(60_000));
  expect(term.isOver).toBe(true);
});
