import { Counter, Gauge, type Registry } from '@glyphmill/core/metrics';
import { jobStates, type JobStore } from '@glyphmill/core/store';

/**
 * `missing`: the queue did not hold a queued job; `lease_expired`: nor one whose worker is gone; `refill`: all of it, since
 * Redis came back empty.
 */
export const driftReasons = ['missing', 'lease_expired', 'refill'] as const;
export type DriftReason = (typeof driftReasons)[number];

export interface UpkeepMetrics {
  readonly drift: Counter<'reason'>;
  readonly reconciledAt: Gauge;
  readonly deadlinesExpired: Counter;
  readonly jobsDeleted: Counter;
  readonly blobsDeleted: Counter;
}

export interface UpkeepMetricsOptions {
  readonly registry: Registry;
  readonly store: Pick<JobStore, 'countByState' | 'countPendingEvents'>;
  readonly isLeading: () => boolean;
}

/** Counting takes the store a while; nobody needs it more often. */
const countTtlMs = 10_000;
const countTimeoutMs = 2_000;
/** Far more than is well; a million would be no other news. */
const maxPendingWebhooks = 10_000;

export function createUpkeepMetrics(options: UpkeepMetricsOptions): UpkeepMetrics {
  const { registry, isLeading } = options;
  const registers = [registry];
  registerJobsGauge(options);
  registerWebhooksGauge(options);
  registry.registerMetric(
    new Gauge({
      name: 'glyphmill_upkeep_leader',
      help: '1 in the one API process that keeps queue, store and blobs in line; summed over all it should be 1',
      registers: [],
      collect() {
        this.set(isLeading() ? 1 : 0);
      },
    }),
  );
  const drift = new Counter({
    name: 'glyphmill_reconciler_drift_total',
    help: 'Durable jobs that the queue ought to have held and did not, and that were sent again: missing, lease_expired (its worker is gone, too), refill (Redis came back empty)',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of driftReasons) drift.inc({ reason }, 0);
  return {
    drift,
    reconciledAt: new Gauge({
      name: 'glyphmill_reconciler_last_success_timestamp_seconds',
      help: 'When this process last compared pending jobs with the queue; take the max over all processes',
      registers,
    }),
    deadlinesExpired: new Counter({
      name: 'glyphmill_deadlines_expired_total',
      help: 'Durable jobs that failed since their deadline passed before a worker noticed',
      registers,
    }),
    jobsDeleted: new Counter({
      name: 'glyphmill_retention_deleted_total',
      help: 'Durable jobs deleted with their lines since they were older than RESULT_TTL_MS',
      registers,
    }),
    blobsDeleted: new Counter({
      name: 'glyphmill_retention_blobs_deleted_total',
      help: 'Uploads deleted since no job needed them any more',
      registers,
    }),
  };
}

/** The leader's alone, so that the processes' numbers can be added up. */
function registerJobsGauge({ registry, store, isLeading }: UpkeepMetricsOptions): void {
  const count = countedSeldom(() => store.countByState());
  registry.registerMetric(
    new Gauge({
      name: 'glyphmill_store_jobs',
      help: 'Durable jobs in the store by state; told by the leader alone',
      labelNames: ['state'],
      registers: [],
      async collect() {
        this.reset();
        const found = isLeading() ? await count() : undefined;
        for (const state of jobStates) if (found !== undefined) this.set({ state }, found[state]);
      },
    }),
  );
}

/** The leader's alone, too. */
function registerWebhooksGauge({ registry, store, isLeading }: UpkeepMetricsOptions): void {
  const count = countedSeldom(() => store.countPendingEvents(maxPendingWebhooks));
  registry.registerMetric(
    new Gauge({
      name: 'glyphmill_webhooks_pending',
      help: `Webhooks that are neither delivered nor given up, counted up to ${maxPendingWebhooks}; told by the leader alone`,
      registers: [],
      async collect() {
        const found = isLeading() ? await count() : undefined;
        // A gauge without labels begins at 0, which would be a number of its own.
        if (found === undefined) this.remove();
        else this.set(found);
      },
    }),
  );
}

/** Undefined rather than an old number, while the store is away; a store that hangs must not hold up the scrape. */
function countedSeldom<Counts>(count: () => Promise<Counts>): () => Promise<Counts | undefined> {
  let counts: Promise<Counts> | undefined;
  let countedAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (counts === undefined || performance.now() - countedAt >= countTtlMs) {
      counts = count();
      countedAt = performance.now();
    }
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, countTimeoutMs);
    try {
      return (await Promise.race([counts, timeout.promise])) ?? undefined;
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  };
}
