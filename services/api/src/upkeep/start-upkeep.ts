import { randomUUID } from 'node:crypto';
import type { BlobStore } from '@glyphmill/core/blobs';
import { Leader, type LeaderTiming } from '@glyphmill/core/leader';
import type { Logger } from '@glyphmill/core/logging';
import type { Registry } from '@glyphmill/core/metrics';
import type { JobQueue } from '@glyphmill/core/queue';
import type { JobStore } from '@glyphmill/core/store';
import { expireDeadlines } from './deadlines.ts';
import type { Outbox } from './outbox.ts';
import { Reconciler } from './reconciler.ts';
import { Refill } from './refill.ts';
import { Retention, type RetentionTiming } from './retention.ts';
import { runTaskLoop, type UpkeepTask } from './task-loop.ts';
import { giveUpUnsigned } from './unsigned-webhooks.ts';
import { createUpkeepMetrics } from './upkeep-metrics.ts';
import { countWebhooks } from './webhook-counter.ts';

export interface UpkeepOptions {
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly blobs: BlobStore;
  readonly registry: Registry;
  readonly logger: Logger;
  /** Jobs that ended longer ago are deleted; undefined: none. */
  readonly resultTtlMs: number | undefined;
  /** Absent: there is no key to sign webhooks with. */
  readonly outbox?: Outbox;
  /** For tests. */
  readonly timing?: Partial<UpkeepTiming>;
}

export interface UpkeepTiming extends LeaderTiming, RetentionTiming {
  /** A pending job that was changed less long ago is on its way to the queue. */
  readonly settleMs: number;
  readonly epochEveryMs: number;
  readonly reconcileEveryMs: number;
  readonly deadlinesEveryMs: number;
  readonly outboxEveryMs: number;
  readonly unsignedEveryMs: number;
}

export interface Upkeep {
  readonly isLeading: boolean;
  /** Resolves when nothing is under way any more and the lease is free, in seconds at most. */
  stop(): Promise<void>;
}

const defaultTiming: UpkeepTiming = {
  leaseMs: 6_000,
  renewEveryMs: 2_000,
  challengeEveryMs: 1_500,
  settleMs: 5_000,
  epochEveryMs: 1_000,
  reconcileEveryMs: 2_000,
  deadlinesEveryMs: 1_000,
  outboxEveryMs: 1_000,
  unsignedEveryMs: 600_000,
  minBlobAgeMs: 3_600_000,
  sweepEveryMs: 600_000,
  sweepAfterDeletionMs: 60_000,
};
const longestRetentionPauseMs = 60_000;
const shortestRetentionPauseMs = 500;
/** Whatever still hangs then finds store and queue closed. */
const stopWithinMs = 4_000;

/**
 * Keeps queue, store and blobs in line with each other: in one API process at a time, the leader. Whatever it does may
 * also be done twice or by two processes at once, as each step is checked by the store; the lease only saves work.
 */
export function startUpkeep(options: UpkeepOptions): Upkeep {
  const { store, registry, logger } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const stopping = new AbortController();
  const leader = new Leader({
    store,
    name: 'upkeep',
    duty: 'the upkeep of durable jobs',
    holder: randomUUID(),
    timing,
    logger,
  });
  const tasks = createTasks({ ...options, timing }, createUpkeepMetrics({ registry, store, isLeading }));
  const loops = tasks.map((task) => runTaskLoop({ task, leader, logger, signal: stopping.signal }));

  function isLeading(): boolean {
    return leader.isLeading;
  }
  return {
    get isLeading() {
      return leader.isLeading;
    },
    async stop() {
      stopping.abort();
      const stopped = Promise.all([leader.stop(), ...loops]);
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, stopWithinMs);
      await Promise.race([stopped, timeout.promise]);
      clearTimeout(timer);
    },
  };
}

function createTasks(
  options: UpkeepOptions & { readonly timing: UpkeepTiming },
  metrics: ReturnType<typeof createUpkeepMetrics>,
): UpkeepTask[] {
  const { timing, resultTtlMs } = options;
  const retention = new Retention({ ...options, metrics });
  const deadlines = { ...options, metrics };
  return [
    queueTask({ ...options, metrics }),
    { name: 'deadlines', everyMs: timing.deadlinesEveryMs, run: (term) => expireDeadlines(term, deadlines) },
    {
      name: 'retention',
      everyMs: Math.min(
        Math.max((resultTtlMs ?? Number.POSITIVE_INFINITY) / 4, shortestRetentionPauseMs),
        longestRetentionPauseMs,
      ),
      run: (term) => retention.tick(term),
    },
    webhookTask(options),
  ];
}

function webhookTask(options: UpkeepOptions & { readonly timing: UpkeepTiming }): UpkeepTask {
  const { outbox, timing, store, registry, logger } = options;
  if (outbox !== undefined) {
    return { name: 'outbox', everyMs: timing.outboxEveryMs, run: (term) => outbox.deliverDue(term.signal) };
  }
  const counter = countWebhooks(registry);
  return {
    name: 'unsigned webhooks',
    everyMs: timing.unsignedEveryMs,
    run: (term) => giveUpUnsigned(term, { store, counter, logger }),
  };
}

/** One task for both, lest the reconciler raise the generation of what a refill is about to send. */
function queueTask(
  options: UpkeepOptions & { readonly timing: UpkeepTiming; readonly metrics: ReturnType<typeof createUpkeepMetrics> },
): UpkeepTask {
  const { timing } = options;
  const refill = new Refill(options);
  const reconciler = new Reconciler({ ...options, settleMs: timing.settleMs });
  let reconciledAt = Number.NEGATIVE_INFINITY;
  return {
    name: 'queue',
    everyMs: timing.epochEveryMs,
    async run(term) {
      if (!(await refill.tick(term))) return;
      if (performance.now() - reconciledAt < timing.reconcileEveryMs) return;
      reconciledAt = performance.now();
      await reconciler.tick(term);
    },
  };
}
