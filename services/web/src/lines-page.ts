import type { JobResult } from '@glyphmill/core/queue';
import { clipText, pageBytes } from './views/clip-text.ts';

export interface ShownLine {
  /** From 1, in reading order. */
  readonly number: number;
  /** Cut where it is very long; downloads have all of it. */
  readonly text: string;
  readonly confidence: number;
  readonly box: JobResult['lines'][number]['box'];
}

export interface LinesPage {
  readonly lines: readonly ShownLine[];
  /** Of the lines that are asked for, shown or not. */
  readonly total: number;
  /** Number of a line before the first one shown, where there are such lines. */
  readonly earlierFrom?: number;
  /** Number of the first line that did not fit. */
  readonly laterFrom?: number;
}

export interface LinesQuery {
  readonly lines: JobResult['lines'];
  /** Only lines below this confidence (0..1). */
  readonly below?: number | undefined;
  /** Number of the first line. */
  readonly from: number;
}

const maxLines = 200;
const lineBytes = 600;
/** Markup of one line and its box. */
const markupBytes = 430;
/** What remains of 150 kB for the rest of the page. */
const maxBytes = 120_000;

/** As many lines as a page can hold, from one on. */
export function linesPage({ lines, below, from }: LinesQuery): LinesPage {
  const wanted = lines
    .map(({ text, confidence, box }, index) => ({ number: index + 1, text, confidence, box }))
    .filter(({ confidence }) => below === undefined || confidence < below);
  const start = Math.max(
    wanted.findIndex(({ number }) => number >= from),
    0,
  );
  const shown: ShownLine[] = [];
  let bytes = 0;
  for (const line of wanted.slice(start, start + maxLines)) {
    const text = clipText(line.text, lineBytes);
    bytes += pageBytes(text) + markupBytes;
    if (bytes > maxBytes) break;
    shown.push({ ...line, text });
  }
  const later = wanted[start + shown.length];
  const earlier = start === 0 ? undefined : wanted[Math.max(start - maxLines, 0)];
  return {
    lines: shown,
    total: wanted.length,
    ...(earlier && { earlierFrom: earlier.number }),
    ...(later && { laterFrom: later.number }),
  };
}
