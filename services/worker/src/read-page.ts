import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import type { ClaimedJob, JobResult, Outcome } from '@glyphmill/core/queue';
import type { PageResult } from '@glyphmill/ocr/pool';
import type { EnginePool } from '@glyphmill/ocr/pool';
import type { ByteBudget } from './byte-budget.ts';
import { describeFault } from './describe-fault.ts';
import type { EngineGate } from './engine-gate.ts';
import { readSource, type SourceReaders } from './image-source.ts';
import { toPageError } from './page-error.ts';
import { createPageRecord, type PageRecord, timeStage, toMs } from './page-record.ts';

export interface PageReaderOptions {
  readonly sources: SourceReaders;
  readonly pool: Pick<EnginePool, 'recognize'>;
  readonly gate: EngineGate;
  readonly budget: ByteBudget;
  /** Named in every result. */
  readonly model: string;
  readonly logger: Logger;
  readonly onPage: (job: ClaimedJob, record: PageRecord) => void;
}

/** Stages that the engine itself measures. */
const engineStages = ['decode', 'detect', 'classify', 'recognize'] as const;
/** After so many workers died with a page in their hands, it is not given to another. */
const maxLostWorkers = 2;

/**
 * The worker's main job, as the lane consumer calls it: gets the bytes, has them read by an engine, and says how that
 * ended. Never rejects; writes one log line for each page.
 */
export function createPageReader(options: PageReaderOptions): (job: ClaimedJob) => Promise<Outcome> {
  return async (job) => {
    const record = createPageRecord();
    const startedAt = performance.now();
    try {
      const result = await readPage(job, record, options);
      record.outcome = 'succeeded';
      return { ok: true, result };
    } catch (thrown) {
      const error = toPageError(thrown, job.signal);
      if (!isDiscarded(job.signal)) record.outcome = error.code;
      if (record.outcome === 'internal') logFault(options.logger, job, error.cause);
      return { ok: false, error: error.toWire() };
    } finally {
      options.onPage(job, record);
      logPage(options.logger, job, record, toMs(performance.now() - startedAt));
    }
  };
}

async function readPage(job: ClaimedJob, record: PageRecord, options: PageReaderOptions): Promise<JobResult> {
  if (job.lostWorkers >= maxLostWorkers) {
    throw new OcrError('poison_image', 'Reading this image ended its worker more than once');
  }
  const allotment = options.budget.open();
  try {
    const bytes = await timeStage(record, 'fetch', () => readSource(options.sources, job, allotment));
    record.bytes = bytes.length;
    const page = await readBytes(bytes, { job, record, options });
    return toJobResult(page, record, options.model);
  } finally {
    allotment.release();
  }
}

async function readBytes(
  bytes: Uint8Array,
  { job, record, options }: { job: ClaimedJob; record: PageRecord; options: PageReaderOptions },
): Promise<PageResult> {
  const { signal, lane } = job;
  const waitingSince = performance.now();
  const leave = await options.gate.enter({ lane, alone: job.lostWorkers > 0, signal });
  let startedAt: number | undefined;
  try {
    // Sent before the page is, and not waited for: an engine needs a hundred times as long to get into trouble.
    job.started().catch(() => undefined);
    const page = await options.pool.recognize(bytes, {
      signal,
      onStart: () => {
        // Called again when the pool retries: that is time in engines too.
        if (startedAt !== undefined) return;
        startedAt = performance.now();
        record.stageMs.wait = toMs(startedAt - waitingSince);
      },
    });
    record.pixels = page.width * page.height;
    record.lines = page.lines.length;
    for (const stage of engineStages) record.stageMs[stage] = toMs(page.timings[stage]);
    return page;
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

/** What the consumer does not store: another worker has the job, or this one gives it back. */
function isDiscarded(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason !== 'canceled' && signal.reason !== 'deadline';
}

function logPage(
  logger: Logger,
  { payload, lane, lostWorkers }: ClaimedJob,
  record: PageRecord,
  totalMs: number,
): void {
  const { outcome, bytes, pixels, stageMs } = record;
  const about = { jobId: payload.id, requestId: payload.requestId, lane, kind: payload.kind };
  const attempts = payload.generation + lostWorkers + 1;
  logger.info({ ...about, outcome, attempts, timingsMs: { ...stageMs, total: totalMs }, bytes, pixels }, 'page');
}

/** Our own fault, for the operator. Nothing that throws on purpose lands here, so no upstream answer is in `cause`. */
function logFault(logger: Logger, { payload }: ClaimedJob, cause: unknown): void {
  logger.error({ jobId: payload.id, fault: describeFault(cause) }, 'A page could not be read');
}
