/** `[left, top, right, bottom]` of the upright rectangle around a box. */
export type Extent = readonly [number, number, number, number];

export interface TextLine {
  readonly text: string;
  readonly extent: Extent;
}

/** One image: what stands on it and what was read, each in any order. */
export interface ScoredImage {
  readonly expected: readonly TextLine[];
  readonly predicted: readonly TextLine[];
}

export interface Scores {
  readonly images: number;
  /** Words between white space, as often as they occur, wherever they stand. */
  readonly wordF1: number;
  /** Lines whose box overlaps by more than half and whose text is the same but for white space. */
  readonly lineF1: number;
  /** Characters but white space, as often as they occur, wherever they stand. */
  readonly charF1: number;
}

/** A box must overlap by more than this (intersection over union) to be the same line. */
const sameLineOverlap = 0.5;

/** Scores many images together: every word, line or character counts the same, whichever image it is on. */
export function scoreImages(images: Iterable<ScoredImage>): Scores {
  let count = 0;
  const totals = { word: emptyTally(), line: emptyTally(), char: emptyTally() };
  for (const { expected, predicted } of images) {
    count++;
    add(totals.word, compareBags(expected.flatMap(wordsOf), predicted.flatMap(wordsOf)));
    add(totals.line, compareLines(expected, predicted));
    add(totals.char, compareBags(expected.flatMap(charactersOf), predicted.flatMap(charactersOf)));
  }
  return { images: count, wordF1: f1(totals.word), lineF1: f1(totals.line), charF1: f1(totals.char) };
}

interface Tally {
  hits: number;
  expected: number;
  predicted: number;
}

function emptyTally(): Tally {
  return { hits: 0, expected: 0, predicted: 0 };
}

function add(total: Tally, { hits, expected, predicted }: Tally): void {
  total.hits += hits;
  total.expected += expected;
  total.predicted += predicted;
}

/** Harmonic mean of precision and recall; 1 when nothing was there and nothing was read. */
function f1({ hits, expected, predicted }: Tally): number {
  return expected + predicted === 0 ? 1 : (2 * hits) / (expected + predicted);
}

const fullWidth: ReadonlyMap<string, string> = new Map([
  ['（', '('],
  ['）', ')'],
  ['：', ':'],
  ['，', ','],
]);

/** Case and the width of some punctuation are not held against anybody. */
function fold(text: string): string {
  return text.toUpperCase().replaceAll(/[（）：，]/g, (character) => fullWidth.get(character) ?? character);
}

function wordsOf({ text }: TextLine): string[] {
  return fold(text)
    .split(/\s+/)
    .filter((word) => word !== '');
}

function charactersOf({ text }: TextLine): string[] {
  return Array.from(withoutSpace(text));
}

function withoutSpace(text: string): string {
  return fold(text).replaceAll(/\s/g, '');
}

/** An item that is expected twice and read three times is hit twice. */
function compareBags(expected: readonly string[], predicted: readonly string[]): Tally {
  const open = new Map<string, number>();
  for (const item of expected) open.set(item, (open.get(item) ?? 0) + 1);
  let hits = 0;
  for (const item of predicted) {
    const left = open.get(item) ?? 0;
    if (left === 0) continue;
    open.set(item, left - 1);
    hits++;
  }
  return { hits, expected: expected.length, predicted: predicted.length };
}

/** Each expected line, in its order, takes the best overlapping line that none before it took, right or wrong. */
function compareLines(expected: readonly TextLine[], predicted: readonly TextLine[]): Tally {
  const free = new Set(predicted);
  let hits = 0;
  for (const line of expected) {
    const match = bestOverlap(line, free);
    if (match === undefined) continue;
    free.delete(match);
    if (withoutSpace(match.text) === withoutSpace(line.text)) hits++;
  }
  return { hits, expected: expected.length, predicted: predicted.length };
}

function bestOverlap(line: TextLine, candidates: Iterable<TextLine>): TextLine | undefined {
  let best: TextLine | undefined;
  let bestOverlapSoFar = sameLineOverlap;
  for (const candidate of candidates) {
    const overlap = intersectionOverUnion(line.extent, candidate.extent);
    if (overlap <= bestOverlapSoFar) continue;
    best = candidate;
    bestOverlapSoFar = overlap;
  }
  return best;
}

function intersectionOverUnion(a: Extent, b: Extent): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (areaOf(a) + areaOf(b) - shared);
}

function areaOf([left, top, right, bottom]: Extent): number {
  return (right - left) * (bottom - top);
}

/** The upright rectangle around any polygon. */
export function extentOf(points: readonly (readonly [number, number])[]): Extent {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
