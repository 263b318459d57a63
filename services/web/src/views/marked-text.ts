import type { TextSpan } from '@glyphmill/core/results';
import { clipText } from './clip-text.ts';
import { html, type Markup } from './markup.ts';

/** How much of a line is shown before its first hit when the whole is too long. */
const leadUnits = 40;

export interface MarkedTextOptions {
  readonly text: string;
  /** In their order, not overlapping. */
  readonly spans: readonly TextSpan[];
  readonly maxBytes: number;
}

/** A text with its hits marked; of a long one the part around the first hit. */
export function markedText({ text, spans, maxBytes }: MarkedTextOptions): Markup[] {
  const start = startOfExcerpt(text, spans, maxBytes);
  const shown = clipText(text.slice(start), maxBytes);
  const isCut = shown !== text.slice(start);
  const end = start + shown.length - (isCut ? 1 : 0);
  const parts: Markup[] = start > 0 ? [html`…`] : [];
  let at = start;
  for (const [from, to] of spans) {
    if (from >= end) break;
    const hitEnd = Math.min(to, end);
    if (hitEnd <= at) continue;
    const hitStart = Math.max(from, at);
    parts.push(html`${text.slice(at, hitStart)}<mark>${text.slice(hitStart, hitEnd)}</mark>`);
    at = hitEnd;
  }
  parts.push(html`${text.slice(at, end)}${isCut ? '…' : ''}`);
  return parts;
}

function startOfExcerpt(text: string, spans: readonly TextSpan[], maxBytes: number): number {
  const firstHit = spans[0]?.[0] ?? 0;
  if (firstHit <= leadUnits || clipText(text, maxBytes) === text) return 0;
  const start = firstHit - leadUnits;
  // Not between the halves of a character.
  return isLowSurrogate(text.charCodeAt(start)) ? start - 1 : start;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
