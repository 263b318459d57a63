import { describe, expect, test } from 'vitest';
import { scoreImages, type Extent, type ScoredImage } from './score.ts';

const box = (left: number, top = 0, right = left + 100, bottom = top + 20): Extent => [left, top, right, bottom];
const lines = (...entries: readonly (readonly [string, Extent?])[]) =>
  entries.map(([text, extent = box(0)]) => ({ text, extent }));

const cases: readonly { name: string; image: ScoredImage; word: number; line: number; char: number }[] = [
  {
    name: 'all right',
    image: { expected: lines(['TOTAL 12.50']), predicted: lines(['TOTAL 12.50']) },
    word: 1,
    line: 1,
    char: 1,
  },
  {
    name: 'nothing there and nothing read',
    image: { expected: [], predicted: [] },
    word: 1,
    line: 1,
    char: 1,
  },
  {
    name: 'nothing read',
    image: { expected: lines(['A']), predicted: [] },
    word: 0,
    line: 0,
    char: 0,
  },
  {
    // Expected 3 words, read 2, both right: 2·2 / 5. Characters: 2·2 / 5.
    name: 'a word that occurs three times and was read twice',
    image: { expected: lines(['A A A']), predicted: lines(['A A']) },
    word: 0.8,
    line: 0,
    char: 0.8,
  },
  {
    // The third reading is no hit: 2·2 / 5.
    name: 'a word that occurs twice and was read three times',
    image: { expected: lines(['A A']), predicted: lines(['A A A']) },
    word: 0.8,
    line: 0,
    char: 0.8,
  },
  {
    name: 'case and full-width punctuation do not matter',
    image: { expected: lines(['Tel：（07），x']), predicted: lines(['TEL:(07),X']) },
    word: 1,
    line: 1,
    char: 1,
  },
  {
    name: 'other full-width characters do',
    image: { expected: lines(['Ａ']), predicted: lines(['A']) },
    word: 0,
    line: 0,
    char: 0,
  },
  {
    name: 'missing spaces cost words, but neither lines nor characters',
    image: { expected: lines(['AB CD']), predicted: lines(['ABCD']) },
    word: 0,
    line: 1,
    char: 1,
  },
  {
    // Two expected lines over one read: the box is used once. Lines 2·1 / 3.
    name: 'one read box answers for one line only',
    image: { expected: lines(['A', box(0)], ['A', box(1)]), predicted: lines(['A', box(0)]) },
    word: 2 / 3,
    line: 2 / 3,
    char: 2 / 3,
  },
  {
    // The better overlap has the wrong text, and it is the one that counts.
    name: 'the best overlap is taken, right or wrong',
    image: { expected: lines(['A', box(0)]), predicted: lines(['A', box(20)], ['B', box(1)]) },
    word: 2 / 3,
    line: 0,
    char: 2 / 3,
  },
  {
    // The first line takes the only box that the second could have had.
    name: 'an earlier line may take the box of a later one',
    image: { expected: lines(['A', box(10)], ['B', box(0)]), predicted: lines(['B', box(0)]) },
    word: 2 / 3,
    line: 0,
    char: 2 / 3,
  },
  {
    // Overlap 50 of 100: exactly one half is not enough.
    name: 'an overlap of exactly one half is another line',
    image: { expected: lines(['A', box(0, 0, 100, 20)]), predicted: lines(['A', box(0, 0, 50, 20)]) },
    word: 1,
    line: 0,
    char: 1,
  },
  {
    name: 'boxes apart are other lines',
    image: { expected: lines(['A', box(0)]), predicted: lines(['A', box(500)]) },
    word: 1,
    line: 0,
    char: 1,
  },
];

describe('scoreImages', () => {
  test.each(cases)('$name', ({ image, word, line, char }) => {
    const scores = scoreImages([image]);
    expect(scores.wordF1).toBeCloseTo(word, 10);
    expect(scores.lineF1).toBeCloseTo(line, 10);
    expect(scores.charF1).toBeCloseTo(char, 10);
  });

  test('words of one image are no hits on another', () => {
    const scores = scoreImages([
      { expected: lines(['A']), predicted: lines(['B']) },
      { expected: lines(['B']), predicted: lines(['A']) },
    ]);
    expect(scores).toEqual({ images: 2, wordF1: 0, lineF1: 0, charF1: 0 });
  });

  test('every word weighs the same, not every image', () => {
    const scores = scoreImages([
      { expected: lines(['A B C']), predicted: lines(['A B C']) },
      { expected: lines(['D']), predicted: lines(['X']) },
    ]);
    expect(scores.wordF1).toBe(0.75);
  });
});
