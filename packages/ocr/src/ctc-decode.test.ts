import { describe, expect, it } from 'vitest';
import { ctcDecode } from './ctc-decode.ts';

const characters = ['', 'a', 'b', '字', ' '];

function decode(steps: readonly (readonly [number, number])[]) {
  return ctcDecode(
    Int32Array.from(steps, ([c]) => c),
    Float32Array.from(steps, ([, p]) => p),
    characters,
  );
}

describe('ctcDecode', () => {
  it.each([
    ['nothing', [], ''],
    [
      'only blanks',
      [
        [0, 1],
        [0, 1],
      ],
      '',
    ],
    [
      'repeats of one letter',
      [
        [1, 1],
        [1, 1],
        [2, 1],
        [2, 1],
      ],
      'ab',
    ],
    [
      'a doubled letter, parted by a blank',
      [
        [1, 1],
        [0, 1],
        [1, 1],
      ],
      'aa',
    ],
    [
      'the space, which is the last class',
      [
        [1, 1],
        [4, 1],
        [4, 1],
        [2, 1],
      ],
      'a b',
    ],
    [
      'characters beyond ASCII',
      [
        [3, 1],
        [0, 1],
        [3, 1],
      ],
      '字字',
    ],
  ] as const)('reads %s', (_, steps, text) => {
    expect(decode(steps).text).toBe(text);
  });

  it('is as sure as the mean of the steps that gave a character', () => {
    const { confidence } = decode([
      [0, 0.1],
      [1, 0.5],
      [1, 0.9],
      [0, 0.1],
      [2, 1],
    ]);
    expect(confidence).toBeCloseTo((0.5 + 1) / 2);
  });

  it('is not sure at all of an empty text', () => {
    expect(decode([[0, 1]]).confidence).toBe(0);
  });
});
