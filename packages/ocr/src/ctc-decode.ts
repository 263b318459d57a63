/** A line's text and how sure the network is of it. */
export interface Reading {
  readonly text: string;
  /** Mean probability of the characters, 0..1; 0 for an empty text. Spaces that no step named do not count. */
  readonly confidence: number;
}

/** What a recognizer says of each of T steps. */
export interface StepScores {
  /** The best class. */
  readonly classes: Int32Array;
  /** How likely it is, 0..1. */
  readonly probabilities: Float32Array;
  /** How likely a space is, 0..1. */
  readonly spaces: Float32Array;
}

/** Class 0 says "no character here". */
const blank = 0;

/**
 * How much more likely a space between two characters is than the network says. It learned mostly from lines in which
 * spaces are few (Chinese) or were left out of the transcription, and finds too few. More would find more words yet, but
 * part codes that have wide gaps around their hyphens. Measured, see docs/performance.md.
 */
const spacePrior = 4;

/**
 * CTC decoding (Graves et al. 2006): greedily, the best class of each step, repeats merged, blanks dropped; but of a gap
 * between two characters all paths are summed. A space that is spread over several steps is the best class of none of them.
 *
 * `characters[c]` is the text of class `c`; the last class is the space.
 */
export function ctcDecode({ classes, probabilities, spaces }: StepScores, characters: readonly string[]): Reading {
  const space = characters.length - 1;
  let text = '';
  let sum = 0;
  let count = 0;
  let previous = blank;
  let last = blank;
  // Of the steps since `last`, the probability of all paths without a space, that end in one, and that have left it.
  let without = 1;
  let within = 0;
  let after = 0;
  for (let step = 0; step < classes.length; step++) {
    const current = classes[step]!;
    const probability = probabilities[step]!;
    if (current === blank) {
      const likely = spaces[step]!;
      after = (within + after) * probability;
      within = (without + within) * likely;
      without *= probability;
    } else {
      if (current !== previous) {
        const isGap = last !== blank && last !== space && current !== space;
        if (isGap && (within + after) * spacePrior > without) text += ' ';
        text += characters[current] ?? '';
        sum += probability;
        count++;
      }
      last = current;
      without = 1;
      within = 0;
      after = 0;
    }
    previous = current;
  }
  return { text, confidence: count === 0 ? 0 : sum / count };
}
