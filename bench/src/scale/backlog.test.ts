import { expect, test } from 'vitest';
import { type BacklogJob, booksAreWrong, paceOf } from './backlog.ts';

const job = (id: string, state: BacklogJob['state'] = 'succeeded'): BacklogJob => ({ id, state, attempts: 1 });
const backlog = { batch: 'b', ids: ['1', '2', '3'] };

test('the books are right when each accepted job has succeeded', () => {
  expect(booksAreWrong(backlog, [job('3'), job('1'), job('2')])).toEqual([]);
});

test('the books tell what was lost, what failed, and what nobody had asked for', () => {
  expect(booksAreWrong(backlog, [job('1'), job('2', 'failed'), job('4')])).toEqual([
    '2 is failed',
    '3 is lost',
    '4 was accepted by nobody',
  ]);
});

test('the pace leaves the edges out', () => {
  // Slow to begin, two a second, slow to end.
  const finished = [0, 5_000, 6_000, 6_500, 7_000, 7_500, 8_000, 20_000, 40_000];
  expect(paceOf(finished.toReversed(), 2)).toBe(2);
  expect(paceOf([1, 2], 1)).toBeNaN();
});
