/** A line's text and how sure the network is of it. */
export interface Reading {
  readonly text: string;
  /** Mean probability of the characters, 0..1; 0 for an empty text. */
  readonly confidence: number;
}

/** Class 0 says "no character here". */
const blank = 0;

/**
 * Greedy CTC decoding (Graves et al. 2006): the best class of each step, repeats merged, blanks dropped.
 *
 * `classes` and `probabilities` hold the best class of each step and its probability (0..1); `characters[c]` is the
 * text of class `c`.
 */
export function ctcDecode(classes: Int32Array, probabilities: Float32Array, characters: readonly string[]): Reading {
  let text = '';
  let sum = 0;
  let count = 0;
  let previous = blank;
  for (let step = 0; step < classes.length; step++) {
    const current = classes[step]!;
    if (current !== blank && current !== previous) {
      text += characters[current] ?? '';
      sum += probabilities[step]!;
      count++;
    }
    previous = current;
  }
  return { text, confidence: count === 0 ? 0 : sum / count };
}
