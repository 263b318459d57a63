import { html, type Markup } from './markup.ts';

/** From which confidence on (0..1) a text is taken as sure, and from which on as likely. Below it ought to be compared. */
export const levelBounds = { high: 0.9, medium: 0.75 } as const;
export type ConfidenceLevel = 'high' | 'medium' | 'low';

export function levelOf(confidence: number): ConfidenceLevel {
  if (confidence >= levelBounds.high) return 'high';
  return confidence >= levelBounds.medium ? 'medium' : 'low';
}

/** Rounded down: 99.6 % is not certainty, and a number never looks better than its level. */
export function percent(confidence: number): string {
  // 0.29 × 100 is a little less than 29.
  return `${Math.floor(confidence * 100 + 1e-6)}%`;
}

const words: Readonly<Record<ConfidenceLevel, string>> = { high: 'sure', medium: 'likely', low: 'doubtful' };

/** Number, color, sign and, for who sees none of them, a word. */
export function confidenceMark(confidence: number): Markup {
  const level = levelOf(confidence);
  return html`<span class="conf" data-level="${level}"
    >${percent(confidence)}<span class="unseen"> ${words[level]}</span></span
  >`;
}
