import type { Prediction } from './image-set.ts';

export interface SameLines {
  /** Lines that were read the same, text and box, both times. */
  readonly same: number;
  /** Lines of the reading that has more, image by image. */
  readonly lines: number;
}

/** Compares two readings of the same images, line by line, in any order; how sure each line was does not matter. */
export function countSameLines(left: readonly Prediction[], right: readonly Prediction[]): SameLines {
  const [byFile, otherByFile] = [left, right].map(
    (predictions) => new Map(predictions.map((prediction) => [prediction.file, prediction])),
  );
  const files = new Set([...left, ...right].map(({ file }) => file));
  let same = 0;
  let lines = 0;
  for (const file of files) {
    const [a, b] = [keysOf(byFile?.get(file)), keysOf(otherByFile?.get(file))];
    lines += Math.max(a.length, b.length);
    const rest = new Map<string, number>();
    for (const key of b) rest.set(key, (rest.get(key) ?? 0) + 1);
    for (const key of a) {
      const unmatched = rest.get(key) ?? 0;
      if (unmatched === 0) continue;
      rest.set(key, unmatched - 1);
      same++;
    }
  }
  return { same, lines };
}

function keysOf(prediction: Prediction | undefined): string[] {
  return (prediction?.lines ?? []).map(({ text, box }) => JSON.stringify([text, box]));
}
