import { afterEach, expect, test, vi } from 'vitest';
import { momentIn, Term, TermOver } from './term.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** As if the whole process had been stopped. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('ends by its timer, and wakes who waits', () => {
  vi.useFakeTimers();
  const term = new Term(momentIn(300));
  const wake = vi.fn();
  term.signal.addEventListener('abort', wake);
  vi.advanceTimersByTime(299);
  expect(term.isOver).toBe(false);
  term.check();
  expect(wake).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(wake).toHaveBeenCalledOnce();
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

test('goes on when it is extended in time; never after it was over', () => {
  vi.useFakeTimers();
  const term = new Term(momentIn(300));
  term.extend(momentIn(60_000));
  vi.advanceTimersByTime(350);
  expect(term.isOver).toBe(false);
  term.end('for a test');
  term.extend(momentIn(60_000));
  expect(term.isOver).toBe(true);
});
