import type { ErrorCode } from '@glyphmill/core/errors';

/** Stages of a page's way through the worker, in order. */
export const stages = ['fetch', 'wait', 'decode', 'detect', 'classify', 'recognize', 'engine'] as const;
/**
 * `fetch`: until the bytes are here; `wait`: for an idle engine; `engine`: from the moment that an engine has the page
 * to its answer, the four stages before it included.
 */
export type Stage = (typeof stages)[number];

export type PageOutcome = 'succeeded' | 'discarded' | ErrorCode;

/** What is measured of a page; holds nothing of what the page says or where it came from. */
export interface PageRecord {
  outcome: PageOutcome;
  bytes: number;
  pixels: number;
  lines: number;
  readonly stageMs: { [S in Stage]?: number };
}

export function createPageRecord(): PageRecord {
  return { outcome: 'discarded', bytes: 0, pixels: 0, lines: 0, stageMs: {} };
}

/** Runs `work` and adds its time to a stage, however it ends. */
export async function timeStage<T>(record: PageRecord, stage: Stage, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  try {
    return await work();
  } finally {
    record.stageMs[stage] = toMs(performance.now() - startedAt);
  }
}

/** Tenths of a millisecond are as fine as anybody reads them. */
export function toMs(durationMs: number): number {
  return Math.round(durationMs * 10) / 10;
}
