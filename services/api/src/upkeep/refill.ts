import { randomUUID } from 'node:crypto';
import type { Term } from '@glyphmill/core/leader';
import type { Logger } from '@glyphmill/core/logging';
import type { JobQueue } from '@glyphmill/core/queue';
import type { JobStore } from '@glyphmill/core/store';
import { findMissing } from './find-missing.ts';
import { sendPending } from './send-pending.ts';
import type { UpkeepMetrics } from './upkeep-metrics.ts';

export interface RefillOptions {
  readonly store: Pick<JobStore, 'now' | 'pending'>;
  readonly queue: Pick<JobQueue, 'holds' | 'enqueueMany' | 'readEpoch' | 'writeEpoch'>;
  readonly metrics: Pick<UpkeepMetrics, 'drift'>;
  readonly logger: Logger;
}

const pageSize = 500;
const maxPauseMs = 10_000;

/**
 * Sends all pending jobs at once when Redis came back empty, which the missing epoch tells; under the same generation,
 * so that whatever still is there stays there once. Written last, the epoch says that all were sent: who dies on the way
 * leaves it to the next leader. What is lost while this goes on (Redis dies again, say) is the reconciler's business.
 */
export class Refill {
  readonly #options: RefillOptions;
  #failures = 0;
  #notBefore = 0;

  constructor(options: RefillOptions) {
    this.#options = options;
  }

  /** True: the epoch is there, and the queue can be compared with the store. */
  async tick(term: Term): Promise<boolean> {
    const { queue } = this.#options;
    term.check();
    if ((await queue.readEpoch()) !== undefined) return true;
    if (performance.now() < this.#notBefore) return false;
    try {
      await this.#fill(term);
      this.#failures = 0;
      return true;
    } catch (error) {
      // Memory that is too small for all pending jobs stays so for a while.
      const pauseMs = Math.min(500 * 2 ** this.#failures, maxPauseMs);
      this.#failures += 1;
      this.#notBefore = performance.now() + pauseMs;
      throw error;
    }
  }

  async #fill(term: Term): Promise<void> {
    const { store, queue, metrics, logger } = this.#options;
    const startedAt = performance.now();
    term.check();
    const untouchedSince = await store.now();
    let sent = 0;
    let after: string | undefined;
    for (;;) {
      term.check();
      const page = await store.pending({ untouchedSince, limit: pageSize, ...(after !== undefined && { after }) });
      // After a refill that failed half way, most are there.
      const missing = await findMissing(queue, page);
      term.check();
      await sendPending(queue, missing);
      metrics.drift.inc({ reason: 'refill' }, missing.length);
      sent += missing.length;
      after = page.at(-1)?.id;
      if (page.length < pageSize) break;
    }
    term.check();
    await queue.writeEpoch(randomUUID());
    const durationMs = Math.round(performance.now() - startedAt);
    logger.info({ jobs: sent, durationMs }, 'The queue was empty and was filled from the store');
  }
}
