import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ctcDecode } from './ctc-decode.ts';

const characters = ['', 'a', 'b', '字', ' '];

/** Each step: its best class, how likely it is, and how likely a space is (not at all if not said). */
function decode(steps: readonly (readonly [best: number, probability: number, space?: number])[]) {
  return ctcDecode(
    {
      classes: Int32Array.from(steps, ([c]) => c),
      probabilities: Float32Array.from(steps, ([, p]) => p),
      spaces: Float32Array.from(steps, ([, , s = 0]) => s),
    },
    characters,
  );
}

/** The probability of all paths through a gap without a space, and with one: every path by itself. */
function pathsOfGap(gap: readonly { readonly blank: number; readonly space: number }[]): [number, number] {
  let [without, within] = [0, 0];
  for (let path = 0; path < 2 ** gap.length; path++) {
    const isSpace = gap.map((_, step) => ((path >> step) & 1) === 1);
    const runs = isSpace.filter((is, step) => is && isSpace[step - 1] !== true).length;
    const likely = gap.reduce((product, { blank, space }, step) => product * (isSpace[step] ? space : blank), 1);
    if (runs === 0) without += likely;
    if (runs === 1) within += likely;
  }
  return [without, within];
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

  it.each([
    [
      'a space that is spread over a gap',
      [
        [1, 1],
        [0, 0.8, 0.15],
        [0, 0.8, 0.15],
        [2, 1],
      ],
      'a b',
    ],
    [
      'no space where it is hardly possible',
      [
        [1, 1],
        [0, 0.98, 0.01],
        [0, 0.98, 0.01],
        [2, 1],
      ],
      'ab',
    ],
    [
      'no space before the first and after the last character',
      [
        [0, 0.5, 0.4],
        [1, 1],
        [0, 0.5, 0.4],
      ],
      'a',
    ],
    [
      'no second space beside one that a step names',
      [
        [1, 1],
        [0, 0.5, 0.4],
        [4, 0.9],
        [0, 0.5, 0.4],
        [2, 1],
      ],
      'a b',
    ],
    [
      'a space of one gap in this gap only',
      [
        [1, 1],
        [0, 0.5, 0.4],
        [2, 1],
        [0, 0.99, 0],
        [1, 1],
      ],
      'a ba',
    ],
  ] as const)('reads %s', (_, steps, text) => {
    expect(decode(steps).text).toBe(text);
  });

  it('sums all paths of a gap', () => {
    const step = fc.record({
      blank: fc.double({ min: 0.5, max: 1, noNaN: true }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const gap = steps.map(({ blank, share }) => ({ blank, space: share * (1 - blank) }));
        const [without, within] = pathsOfGap(gap);
        // Too close to call in float32.
        fc.pre(Math.abs(Math.log((4 * within) / without)) > 1e-3 || within === 0);
        const { text } = decode([[1, 1], ...gap.map(({ blank, space }) => [0, blank, space] as const), [2, 1]]);
        expect(text).toBe(4 * within > without ? 'a b' : 'ab');
      }),
    );
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
