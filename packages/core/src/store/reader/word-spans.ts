import { foldText, foldWords, splitFolded } from '../line-words.ts';
import type { TextSpan } from './result-reader.ts';

/** What folding leaves nothing of: marks, and the two that only become marks then. */
const mark = String.raw`[\p{M}\uFF9E\uFF9F]`;
/** Characters that folding may compose with those before them: letters of Hangul that are no whole syllables. */
const part = String.raw`(?![\uAC00-\uD7A3])\p{Script=Hangul}`;
/** Pieces of a text that fold independently of their neighbors: a character with its marks, or what makes up a syllable. */
const unitPattern = new RegExp(
  String.raw`\p{Script=Hangul}${mark}*(?:${part}${mark}*)*|[^\p{M}]${mark}*|${mark}+`,
  'gu',
);

/**
 * Where the words of a query, folded as queryWords does, stand in a line's text. Of the word that the last one begins, only
 * its beginning.
 */
export function wordSpans(text: string, words: readonly string[]): TextSpan[] {
  const folded = foldText(text);
  const places = placesIn(text, folded);
  if (places === undefined) return [];
  const last = words.length - 1;
  const spans: [number, number][] = [];
  for (const { word, start } of splitFolded(folded)) {
    let length = 0;
    for (const [index, wanted] of words.entries()) {
      const isHit = index === last ? word.startsWith(wanted) : word === wanted;
      if (isHit) length = Math.max(length, wanted.length);
    }
    if (length > 0) spans.push([places.starts[start] ?? 0, places.ends[start + length - 1] ?? text.length]);
  }
  return joined(spans);
}

/** Whether the text holds every word of the query, as both databases understand it. */
export function holdsWords(text: string, words: readonly string[]): boolean {
  const found = foldWords(text);
  const last = words.length - 1;
  return words.every((wanted, index) =>
    found.some((word) => (index === last ? word.startsWith(wanted) : word === wanted)),
  );
}

interface Places {
  /** For each UTF-16 unit of the folded text, where what it was made of begins in the text, and where it ends. */
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
}

/** Undefined: the pieces do not add up to the whole, so that nothing can be said. */
function placesIn(text: string, folded: string): Places | undefined {
  const starts = new Uint32Array(folded.length);
  const ends = new Uint32Array(folded.length);
  let at = 0;
  for (const unit of text.toWellFormed().matchAll(unitPattern)) {
    const { length } = foldText(unit[0]);
    starts.fill(unit.index, at, at + length);
    ends.fill(unit.index + unit[0].length, at, at + length);
    at += length;
  }
  return at === folded.length ? { starts, ends } : undefined;
}

function joined(spans: readonly [number, number][]): TextSpan[] {
  const merged: [number, number][] = [];
  for (const [start, end] of spans) {
    const before = merged.at(-1);
    if (before !== undefined && start <= before[1]) before[1] = Math.max(before[1], end);
    else merged.push([start, end]);
  }
  return merged;
}
