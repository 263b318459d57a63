import type { Term } from '@glyphmill/core/leader';
import type { JobQueue } from '@glyphmill/core/queue';
import type { JobStore, JobSummary } from '@glyphmill/core/store';
import type { UpkeepMetrics } from './upkeep-metrics.ts';

export interface DeadlinesOptions {
  readonly store: Pick<JobStore, 'expireDeadlines'>;
  readonly queue: Pick<JobQueue, 'cancel' | 'announce'>;
  readonly metrics: Pick<UpkeepMetrics, 'deadlinesExpired'>;
}

const jobsAtOnce = 50;

/**
 * Fails jobs past their deadline. Their rows say all; the queue is told to spare workers the look at a row that has
 * ended, and those who wait are told so that they need not poll.
 */
export async function expireDeadlines(term: Term, { store, queue, metrics }: DeadlinesOptions): Promise<void> {
  let expired: readonly JobSummary[];
  do {
    term.check();
    expired = await store.expireDeadlines(jobsAtOnce);
    metrics.deadlinesExpired.inc(expired.length);
    await Promise.allSettled(
      expired.flatMap(({ id, lane, generation }) => [queue.cancel(lane, id, generation), queue.announce(id, 'failed')]),
    );
  } while (expired.length === jobsAtOnce);
}
