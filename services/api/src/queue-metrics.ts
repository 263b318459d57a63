import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import { Gauge, type Registry } from '@glyphmill/core/metrics';
import { type JobQueue, laneStates, lanes, type QueueStats } from '@glyphmill/core/queue';

export interface QueueMetricsOptions {
  readonly registry: Registry;
  readonly queue: Pick<JobQueue, 'stats'>;
  readonly logger: Pick<Logger, 'warn'>;
}

const sameFromAll = 'The same from every API process: aggregate with max, never with sum';

/**
 * Read when somebody scrapes, in one round trip for all of them. While Redis is away there are no series rather than old
 * numbers, and the other metrics are still told.
 */
export function registerQueueMetrics(options: QueueMetricsOptions): void {
  const read = readTogether(options);
  const gauge = ({ set, ...config }: GaugeConfig): void => {
    options.registry.registerMetric(
      new Gauge({
        ...config,
        registers: [],
        async collect() {
          const stats = await read();
          // Of a gauge without labels, `reset` would leave a 0 behind.
          if ((config.labelNames ?? []).length > 0) this.reset();
          else this.remove();
          set(this, stats);
        },
      }),
    );
  };

  gauge({
    name: 'glyphmill_queue_jobs',
    help: `Jobs in the queue by where they are: waiting (due, without priority), prioritized (due, in the order of their priority), active (held by a worker), delayed (not due yet). ${sameFromAll}`,
    labelNames: ['lane', 'state'],
    set(jobs, stats) {
      if (stats === undefined) return;
      for (const lane of lanes)
        for (const state of laneStates) jobs.set({ lane, state }, stats.lanes[lane].jobs[state]);
    },
  });
  gauge({
    name: 'glyphmill_queue_oldest_waiting_seconds',
    help: `For how long the job that waits longest (waiting or prioritized) has been due, by the clock of the process that sent it; 0 when none waits. ${sameFromAll}`,
    labelNames: ['lane'],
    set(age, stats) {
      if (stats === undefined) return;
      for (const lane of lanes) {
        const { oldestDueAt } = stats.lanes[lane];
        age.set({ lane }, oldestDueAt === undefined ? 0 : Math.max(Date.now() - oldestDueAt, 0) / 1000);
      }
    },
  });
  gauge({
    name: 'glyphmill_redis_up',
    help: '1 while Redis answers; a worker tells whether it is connected, and nothing before it first tried to',
    set(up, stats) {
      up.set(stats === undefined ? 0 : 1);
    },
  });
  gauge({
    name: 'glyphmill_redis_memory_used_bytes',
    help: `Memory that Redis uses. ${sameFromAll}`,
    set(used, stats) {
      if (stats !== undefined) used.set(stats.memory.usedBytes);
    },
  });
  gauge({
    name: 'glyphmill_redis_memory_max_bytes',
    help: `What Redis may use (maxmemory); 0 where it has no limit. ${sameFromAll}`,
    set(max, stats) {
      if (stats !== undefined) max.set(stats.memory.maxBytes);
    },
  });
}

interface GaugeConfig {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** Undefined stats: Redis does not answer. */
  set(gauge: Gauge, stats: QueueStats | undefined): void;
}

/** Gauges that are collected at the same moment share one look. */
function readTogether({ queue, logger }: QueueMetricsOptions): () => Promise<QueueStats | undefined> {
  let reading: Promise<QueueStats | undefined> | undefined;
  const read = async (): Promise<QueueStats | undefined> => {
    try {
      return await queue.stats();
    } catch (error) {
      const { code, cause } = OcrError.from(error);
      logger.warn({ code, reason: cause instanceof Error ? cause.message : undefined }, 'The queue cannot be measured');
      return undefined;
    } finally {
      reading = undefined;
    }
  };
  return () => (reading ??= read());
}
