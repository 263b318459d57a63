import type { Term } from '@glyphmill/core/leader';
import type { Logger } from '@glyphmill/core/logging';
import type { JobQueue } from '@glyphmill/core/queue';
import type { JobStore, PendingJob } from '@glyphmill/core/store';
import { findMissing } from './find-missing.ts';
import { ResendBackoff } from './resend-backoff.ts';
import { sendPending } from './send-pending.ts';
import type { UpkeepMetrics } from './upkeep-metrics.ts';

export interface ReconcilerOptions {
  readonly store: Pick<JobStore, 'now' | 'pending' | 'resend'>;
  readonly queue: Pick<JobQueue, 'holds' | 'enqueueMany' | 'readEpoch' | 'announce'>;
  readonly metrics: Pick<UpkeepMetrics, 'drift' | 'reconciledAt'>;
  readonly logger: Logger;
  /** A job that was changed less long ago is on its way. */
  readonly settleMs: number;
}

const pageSize = 500;
/** A backlog of 100,000 jobs is compared with the queue within a minute, for a few percent of a core. */
const maxPagesPerTick = 10;
/** Jobs sent to find out whether the queue takes any again, after it refused some. */
const probeSize = 5;

/**
 * Finds jobs that the queue ought to hold and does not, a part of them each tick, and sends them under a new generation:
 * under the old one the queue would ignore them, if it still knows them as ended.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #backoff: ResendBackoff;
  /** The id up to which the pending jobs were looked at. */
  #cursor: string | undefined;
  /** The queue refused the last ones: raising generation after generation would be all that sending many does. */
  #refused = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#backoff = new ResendBackoff(options.settleMs);
  }

  async tick(term: Term): Promise<void> {
    const { store, settleMs, metrics } = this.#options;
    term.check();
    const untouchedSince = (await store.now()) - settleMs;
    for (let page = 0; page < maxPagesPerTick; page += 1) {
      term.check();
      const jobs = await store.pending({
        untouchedSince,
        limit: pageSize,
        ...(this.#cursor !== undefined && { after: this.#cursor }),
      });
      // Before it is compared: a page that fails must not hold up the others, and comes again.
      this.#cursor = jobs.length === pageSize ? jobs.at(-1)?.id : undefined;
      await this.#compare(jobs, term);
      if (this.#cursor === undefined) break;
    }
    this.#backoff.forgetOld();
    metrics.reconciledAt.setToCurrentTime();
  }

  async #compare(jobs: readonly PendingJob[], term: Term): Promise<void> {
    const { queue, store, metrics, logger } = this.#options;
    const missing = (await findMissing(queue, jobs)).filter(({ id }) => this.#backoff.isDue(id));
    if (missing.length === 0) return;
    // Redis came back empty between two questions: that is the refill's business.
    if ((await queue.readEpoch()) === undefined) return;
    const counts = { missing: 0, lease_expired: 0 };
    for (const part of this.#partsOf(missing)) {
      term.check();
      const wasActive = new Set(part.filter(({ state }) => state === 'active').map(({ id }) => id));
      const sent = await store.resend(part);
      this.#refused = true;
      await sendPending(queue, sent);
      this.#refused = false;
      for (const { id } of sent) {
        this.#backoff.sent(id);
        counts[wasActive.has(id) ? 'lease_expired' : 'missing'] += 1;
        if (wasActive.has(id)) queue.announce(id, 'queued').catch(() => undefined);
      }
    }
    for (const reason of ['missing', 'lease_expired'] as const) metrics.drift.inc({ reason }, counts[reason]);
    logger.info(counts, 'Jobs that the queue did not hold were sent again');
  }

  #partsOf(jobs: readonly PendingJob[]): (readonly PendingJob[])[] {
    return this.#refused
      ? [jobs.slice(0, probeSize), jobs.slice(probeSize)].filter(({ length }) => length > 0)
      : [jobs];
  }
}
