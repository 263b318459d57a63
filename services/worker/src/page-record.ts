import type { ErrorCode } from '@glyphmill/core/errors';

/** Stages of a page's way through the worker, in order. */
export const stages = [
  'claim',
  'fetch',
  'wait',
  'decode',
  'detect',
  'classify',
  'recognize',
  'draw',
  'engine',
  'keep',
  'store',
] as const;
/**
 * `fetch`: until the bytes are here; `wait`: for an idle engine; `engine`: from the moment that an engine has the page
 * to its answer, the stages before it included, of which `draw` makes pictures of a durable job's page; `keep`: those are
 * put into the blob store; `claim` and `store`: a durable job's row, waits for a store that is away included.
 */
export type Stage = (typeof stages)[number];

/** `discarded`: another worker reads the page, or will. */
export type PageOutcome = 'succeeded' | 'discarded' | ErrorCode;

/** Where a page's way ended before its time: `decode` is the image's fault, `engine` what happens behind its decoding. */
export const errorStages = ['claim', 'fetch', 'decode', 'engine', 'store', 'queue'] as const;
export type ErrorStage = (typeof errorStages)[number];

/** What is measured of a page; holds nothing of what the page says or where it came from. */
export interface PageRecord {
  outcome: PageOutcome;
  bytes: number;
  pixels: number;
  lines: number;
  /** Of an outcome that is an error. */
  failedIn: ErrorStage;
  /** Whether the job is queued for another attempt: its outcome is not the last one. */
  isRetried: boolean;
  readonly stageMs: { [S in Stage]?: number };
  /** By performance.now(), when it was taken; `stageStartedAt` as well: of the engine's own stages only that of the first is known. */
  readonly startedAt: number;
  readonly stageStartedAt: { [S in Stage]?: number };
  /** Of the trace that the page is part of, if any. */
  traceId: string | undefined;
}

export function createPageRecord(): PageRecord {
  return {
    outcome: 'discarded',
    bytes: 0,
    pixels: 0,
    lines: 0,
    failedIn: 'engine',
    isRetried: false,
    stageMs: {},
    startedAt: performance.now(),
    stageStartedAt: {},
    traceId: undefined,
  };
}

type TimedStage = Extract<Stage, 'claim' | 'fetch' | 'keep' | 'store'>;

/** Runs `work` and adds its time to a stage, however it ends. */
export async function timeStage<T>(record: PageRecord, stage: TimedStage, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  record.stageStartedAt[stage] = startedAt;
  try {
    return await work();
  } catch (error) {
    record.failedIn = stage === 'keep' ? 'store' : stage;
    throw error;
  } finally {
    record.stageMs[stage] = toMs(performance.now() - startedAt);
  }
}

/** Tenths of a millisecond are as fine as anybody reads them. */
export function toMs(durationMs: number): number {
  return Math.round(durationMs * 10) / 10;
}
