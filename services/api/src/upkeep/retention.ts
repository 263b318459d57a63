import type { BlobStore } from '@glyphmill/core/blobs';
import type { Term } from '@glyphmill/core/leader';
import type { Logger } from '@glyphmill/core/logging';
import type { JobStore } from '@glyphmill/core/store';
import type { UpkeepMetrics } from './upkeep-metrics.ts';

export interface RetentionOptions {
  readonly store: Pick<JobStore, 'now' | 'deleteFinished' | 'blobsInUse'>;
  readonly blobs: Pick<BlobStore, 'sweep'>;
  readonly metrics: Pick<UpkeepMetrics, 'jobsDeleted' | 'blobsDeleted'>;
  readonly logger: Logger;
  /** Undefined: jobs are kept for ever. */
  readonly resultTtlMs: number | undefined;
  readonly timing: RetentionTiming;
}

export interface RetentionTiming {
  /** Younger blobs may belong to a job that is being accepted. */
  readonly minBlobAgeMs: number;
  readonly sweepEveryMs: number;
  /** Jobs were deleted: their uploads are to go soon, too. */
  readonly sweepAfterDeletionMs: number;
}

/** With the lines of as many pages the store is busy for some milliseconds. */
const jobsAtOnce = 50;

/** Deletes jobs that ended long ago with their lines, and uploads and pictures that no job needs any more. */
export class Retention {
  readonly #options: RetentionOptions;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #deletedSinceSweep = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  async tick(term: Term): Promise<void> {
    await this.#deleteOld(term);
    if (this.#isSweepDue()) await this.#sweep(term);
  }

  async #deleteOld(term: Term): Promise<void> {
    const { store, metrics, logger, resultTtlMs } = this.#options;
    if (resultTtlMs === undefined) return;
    term.check();
    const finishedBefore = (await store.now()) - resultTtlMs;
    let jobs = 0;
    let deleted: number;
    do {
      term.check();
      deleted = await store.deleteFinished({ finishedBefore, limit: jobsAtOnce });
      metrics.jobsDeleted.inc(deleted);
      this.#deletedSinceSweep ||= deleted > 0;
      jobs += deleted;
    } while (deleted === jobsAtOnce);
    if (jobs > 0) logger.info({ jobs }, 'Jobs older than RESULT_TTL_MS were deleted');
  }

  #isSweepDue(): boolean {
    const { sweepEveryMs, sweepAfterDeletionMs } = this.#options.timing;
    return performance.now() - this.#sweptAt >= (this.#deletedSinceSweep ? sweepAfterDeletionMs : sweepEveryMs);
  }

  async #sweep(term: Term): Promise<void> {
    const { store, blobs, metrics, logger, timing } = this.#options;
    const deletedBefore = this.#deletedSinceSweep;
    // A sweep that fails is not tried again at once either.
    this.#sweptAt = performance.now();
    this.#deletedSinceSweep = false;
    try {
      const swept = await blobs.sweep({
        minAgeMs: timing.minBlobAgeMs,
        inUse(sha256s) {
          term.check();
          return store.blobsInUse(sha256s);
        },
      });
      metrics.blobsDeleted.inc(swept);
      if (swept > 0) logger.info({ blobs: swept }, 'Uploads and pictures that no job needs were deleted');
    } catch (error) {
      this.#deletedSinceSweep = deletedBefore;
      throw error;
    }
  }
}
