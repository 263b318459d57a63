import { OcrError } from '@glyphmill/core/errors';
import { type JobQueue, takesFrom, type WorkerReport } from '@glyphmill/core/queue';

/** How fast all live workers together are. */
export interface Capacity {
  readonly engines: number;
  /** Of one page in one engine. */
  readonly meanPageMs: number;
}

/** Until a worker has reported what it can do: one engine that needs a second for a page. */
export const unknownCapacity: Capacity = { engines: 1, meanPageMs: 1000 };

/**
 * All workers as one: their engines added, and the page time at which that many engines finish as many pages a second
 * as the workers do. A worker that has read no page yet counts with the default page time. Nothing without workers.
 */
export function combineReports(reports: readonly WorkerReport[]): Capacity | undefined {
  let engines = 0;
  let pagesPerMs = 0;
  for (const report of reports) {
    if (!(report.engines > 0)) continue;
    engines += report.engines;
    pagesPerMs += report.engines / (report.meanPageMs > 0 ? report.meanPageMs : unknownCapacity.meanPageMs);
  }
  return engines === 0 ? undefined : { engines, meanPageMs: engines / pagesPerMs };
}

/** How long a job waits for an engine while `ahead` pages are before it, in milliseconds. */
export function estimateWaitMs(ahead: number, { engines, meanPageMs }: Capacity): number {
  return (ahead * meanPageMs) / engines;
}

/** Seconds until the estimate has fallen below the limit; work goes on, so it falls by a second a second. */
export function retryAfterSeconds(waitMs: number, limitMs: number): number {
  return Math.max(1, Math.floor((waitMs - limitMs) / 1000) + 1);
}

/** Long enough that Redis hears of it once a second a process, short against how fast workers come and go. */
const capacityTtlMs = 1000;
/** Until this age the last report is good enough for the request that has it renewed; older ones are waited for. */
const maxCapacityAgeMs = 10_000;

export interface Admission {
  /**
   * Lets a request in, or throws `queue_full` with the seconds until it would get in. Call `release` once its job is in
   * the queue (or will never be): until then only this process knows that it comes.
   */
  admit(): Promise<{ release(): void }>;
}

export interface AdmissionOptions {
  readonly queue: Pick<JobQueue, 'depth' | 'workers'>;
  /** The longest wait for an engine that a caller is let in for. */
  readonly maxWaitMs: number;
  readonly now?: () => number;
}

/** Keeps callers out who would wait for nothing: their deadline would pass before their turn came. */
export function createAdmission({ queue, maxWaitMs, now = Date.now }: AdmissionOptions): Admission {
  let capacity = unknownCapacity;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let pending = 0;

  /** A queue that cannot tell leaves what was last known; `depth` says loudly that it is down. */
  const readCapacity = async () => {
    try {
      const reports = await queue.workers();
      capacity = combineReports(reports.filter((report) => takesFrom(report, 'interactive'))) ?? capacity;
    } catch {
      // See above.
    }
    readAt = now();
    reading = undefined;
  };

  const currentCapacity = async () => {
    const age = now() - readAt;
    if (age >= capacityTtlMs) reading ??= readCapacity();
    if (age >= maxCapacityAgeMs) await reading;
    return capacity;
  };

  return {
    async admit() {
      const before = pending++;
      let released = false;
      const release = () => {
        if (!released) pending--;
        released = true;
      };
      try {
        const [depth, current] = await Promise.all([queue.depth('interactive'), currentCapacity()]);
        const waitMs = estimateWaitMs(depth.waiting + depth.active + before, current);
        if (waitMs <= maxWaitMs) return { release };
        throw new OcrError('queue_full', 'More work is waiting than can be done in time', {
          retryAfterSeconds: retryAfterSeconds(waitMs, maxWaitMs),
        });
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}
