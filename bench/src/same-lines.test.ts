import { expect, test } from 'vitest';
import type { Prediction } from './image-set.ts';
import { countSameLines } from './same-lines.ts';

function page(file: string, ...texts: string[]): Prediction {
  const lines = texts.map((text) => {
    const y = text.length;
    return {
      text,
      confidence: Math.random(),
      box: [
        [0, y],
        [9, y],
        [9, 9],
        [0, 9],
      ] as const,
    };
  });
  return { file, lines };
}

test('lines are the same when text and box are, whatever their order', () => {
  expect(countSameLines([page('a', 'one', 'three')], [page('a', 'three', 'one')])).toEqual({ same: 2, lines: 2 });
  expect(countSameLines([page('a', 'one', 'three')], [page('a', 'one', 'thr33')])).toEqual({ same: 1, lines: 2 });
});

test('a line counts once, and one that is missing or invented counts against it', () => {
  expect(countSameLines([page('a', 'one', 'one')], [page('a', 'one')])).toEqual({ same: 1, lines: 2 });
  expect(countSameLines([page('a', 'one')], [page('a', 'one', 'two')])).toEqual({ same: 1, lines: 2 });
  expect(countSameLines([page('a', 'one')], [page('b', 'one')])).toEqual({ same: 0, lines: 2 });
});
