import type { PageResult } from '@glyphmill/ocr/pool';
import type { Failure } from './input-error.ts';
import { printable } from './printable.ts';

/** What became of one image. The page is there as well when only its drawing failed. */
export interface Outcome {
  readonly label: string;
  readonly page?: PageResult;
  readonly failure?: Failure;
}

/** For standard output: one JSON line. Of a failed drawing the page is kept beside the error. */
export function formatJson({ label, page, failure }: Outcome): string {
  return `${JSON.stringify({ file: label, ...(page && roundPage(page)), ...(failure && { error: failure }) })}\n`;
}

function roundPage({ width, height, lines, timings }: PageResult): object {
  return {
    width,
    height,
    lines: lines.map(({ text, confidence, box }) => ({ text, confidence: round(confidence, 4), box })),
    timings: Object.fromEntries(Object.entries(timings).map(([stage, ms]) => [stage, round(Number(ms), 1)])),
  };
}

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

/** For standard output: the lines, under a header when there are several images; nothing for one that failed. */
export function formatText({ label, page }: Outcome, { header, first }: { header: boolean; first: boolean }): string {
  if (page === undefined) return '';
  const lines = page.lines.map(({ text }) => `${text}\n`).join('');
  return header ? `${first ? '' : '\n'}==> ${printable(label)} <==\n${lines}` : lines;
}

/** For standard error. */
export function formatFailure(label: string, { code, message }: Failure): string {
  return `${printable(label)}: ${code}: ${printable(message)}\n`;
}
