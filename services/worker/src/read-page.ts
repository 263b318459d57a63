import { OcrError } from '@glyphmill/core/errors';
import type { ClaimedJob, JobResult } from '@glyphmill/core/queue';
import type { EngineErrorCode, EnginePool, PagePictures, PageResult } from '@glyphmill/ocr/pool';
import type { ByteBudget } from './byte-budget.ts';
import type { EngineGate } from './engine-gate.ts';
import { readSource, type SourceReaders } from './image-source.ts';
import { isEngineError } from './page-error.ts';
import { type PageRecord, timeStage, toMs } from './page-record.ts';

export interface PageReaderOptions {
  readonly sources: SourceReaders;
  readonly pool: Pick<EnginePool, 'recognize'>;
  readonly gate: EngineGate;
  readonly budget: ByteBudget;
  /** Named in every result. */
  readonly model: string;
}

export interface PageToRead {
  readonly job: ClaimedJob;
  /** Filled in on the way. */
  readonly record: PageRecord;
  /** After so many workers died with the page in their hands, it is not given to another. */
  readonly maxLostWorkers: number;
  /** They may be changed by nobody, and be kept until the page was read. */
  readonly onBytes?: (bytes: Uint8Array) => void;
  /** Given where the page is to be drawn for people, too; called if that could be done. */
  readonly onPictures?: ((pictures: PagePictures) => void) | undefined;
}

/**
 * Gets a page's bytes and has them read by an engine. Throws OcrError, EngineError or what a stopped wait throws; see
 * toPageError.
 */
export type PageReader = (page: PageToRead) => Promise<JobResult>;

/** Stages that the engine itself measures. */
const engineStages = ['decode', 'detect', 'classify', 'recognize', 'draw'] as const;

const imageFaults: ReadonlySet<EngineErrorCode> = new Set<EngineErrorCode>([
  'image_unsupported',
  'image_unreadable',
  'image_too_large',
]);

export function createPageReader(options: PageReaderOptions): PageReader {
  return async (page) => {
    const { job, record } = page;
    if (job.lostWorkers >= page.maxLostWorkers) {
      throw new OcrError('poison_image', 'Reading this image ended its worker more than once');
    }
    const allotment = options.budget.open();
    try {
      const bytes = await timeStage(record, 'fetch', () => readSource(options.sources, job, allotment));
      record.bytes = bytes.length;
      page.onBytes?.(bytes);
      return toJobResult(await readBytes(bytes, page, options), record, options.model);
    } finally {
      allotment.release();
    }
  };
}

async function readBytes(
  bytes: Uint8Array,
  { job, record, onPictures }: PageToRead,
  { gate, pool }: PageReaderOptions,
): Promise<PageResult> {
  const { signal, lane } = job;
  const waitingSince = performance.now();
  const leave = await gate.enter({ lane, alone: job.lostWorkers > 0, signal });
  let startedAt: number | undefined;
  try {
    // Sent before the page is, and not waited for: an engine needs a hundred times as long to get into trouble.
    job.started().catch(() => undefined);
    const page = await pool.recognize(bytes, {
      signal,
      pictures: onPictures && 'webp',
      onStart: () => {
        // Called again when the pool retries: that is time in engines too.
        if (startedAt !== undefined) return;
        startedAt = performance.now();
        record.stageStartedAt.wait = waitingSince;
        record.stageStartedAt.engine = startedAt;
        record.stageMs.wait = toMs(startedAt - waitingSince);
      },
    });
    // Its answer has just come, and it began so much earlier: the pool may have tried before.
    record.stageStartedAt.decode = Math.max(performance.now() - page.timings.total, startedAt ?? 0);
    record.pixels = page.width * page.height;
    record.lines = page.lines.length;
    for (const stage of engineStages) {
      const durationMs = page.timings[stage];
      if (durationMs !== undefined) record.stageMs[stage] = toMs(durationMs);
    }
    if (page.pictures !== undefined) onPictures?.(page.pictures);
    return page;
  } catch (error) {
    record.failedIn = isEngineError(error) && imageFaults.has(error.code) ? 'decode' : 'engine';
    throw error;
  } finally {
    leave();
    if (startedAt !== undefined) record.stageMs.engine = toMs(performance.now() - startedAt);
  }
}

function toJobResult(page: PageResult, record: PageRecord, model: string): JobResult {
  return {
    width: page.width,
    height: page.height,
    model,
    lines: page.lines.map(({ text, confidence, box: [a, b, c, d] }) => ({
      text,
      confidence,
      box: [[...a], [...b], [...c], [...d]],
    })),
    timings: { ...record.stageMs },
  };
}
