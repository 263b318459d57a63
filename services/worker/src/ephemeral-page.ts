import type { Logger } from '@glyphmill/core/logging';
import type { ClaimedJob, Outcome } from '@glyphmill/core/queue';
import { toPageError } from './page-error.ts';
import { logFault, logPage } from './page-log.ts';
import { createPageRecord, type PageRecord } from './page-record.ts';
import type { PageReader } from './read-page.ts';

export interface EphemeralHandlerOptions {
  readonly read: PageReader;
  readonly logger: Logger;
  readonly onPage: (job: ClaimedJob, record: PageRecord) => void;
}

/** Somebody waits for the answer. */
const maxLostWorkers = 2;

/**
 * Reads a page that is kept nowhere: the queue takes the answer to who waits for it. Never rejects; writes one log line
 * for each page.
 */
export function createEphemeralHandler(options: EphemeralHandlerOptions): (job: ClaimedJob) => Promise<Outcome> {
  return async (job) => {
    const record = createPageRecord();
    try {
      const result = await options.read({ job, record, maxLostWorkers });
      record.outcome = 'succeeded';
      return { ok: true, result };
    } catch (thrown) {
      const error = toPageError(thrown, job.signal);
      if (!isDiscarded(job.signal)) record.outcome = error.code;
      if (record.outcome === 'internal') logFault(options.logger, job, error.cause);
      return { ok: false, error: error.toWire() };
    } finally {
      options.onPage(job, record);
      const attempts = job.payload.generation + job.lostWorkers + 1;
      logPage(options.logger, { job, record, attempts });
    }
  };
}

/** What the consumer does not store: another worker has the job, or this one gives it back. */
function isDiscarded(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason !== 'canceled' && signal.reason !== 'deadline';
}
