import type { Logger } from '@glyphmill/core/logging';
import type { ClaimedJob } from '@glyphmill/core/queue';
import { describeFault } from '@glyphmill/core/describe-fault';
import { type PageRecord, toMs } from './page-record.ts';

export interface PageSummary {
  readonly job: ClaimedJob;
  readonly record: PageRecord;
  /** Which run of the job this was, from 1. */
  readonly attempts: number;
  /** What else there is to tell of it. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The one line that each page leaves; it holds nothing of what the page says or where it came from. */
export function logPage(logger: Logger, { job, record, attempts, more }: PageSummary): void {
  const { payload, lane } = job;
  const { outcome, bytes, pixels, stageMs } = record;
  const { id: jobId, requestId, kind } = payload;
  const about = { jobId, requestId, trace_id: record.traceId, lane, kind };
  const timingsMs = { ...stageMs, total: toMs(performance.now() - record.startedAt) };
  logger.info({ ...about, outcome, ...more, attempts, timingsMs, bytes, pixels }, 'page');
}

/** Our own fault, for the operator. Nothing that throws on purpose lands here, so no upstream answer is in `cause`. */
export function logFault(logger: Logger, { payload }: ClaimedJob, cause: unknown): void {
  logger.error({ jobId: payload.id, fault: describeFault(cause) }, 'A page could not be read');
}
