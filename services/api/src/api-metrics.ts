import type { Logger } from '@glyphmill/core/logging';
import { Counter, Gauge, Histogram, type Registry } from '@glyphmill/core/metrics';
import { type JobAwaiter, type JobQueue, lanes } from '@glyphmill/core/queue';

export interface ApiMetrics {
  readonly requests: Counter<'method' | 'route' | 'status'>;
  readonly requestSeconds: Histogram<'method' | 'route'>;
  readonly admissionRefused: Counter;
  readonly awaitTimeouts: Counter;
}

export interface ApiMetricsOptions {
  readonly registry: Registry;
  readonly queue: Pick<JobQueue, 'depth'>;
  readonly awaiter: Pick<JobAwaiter, 'recoveries'>;
  readonly logger: Logger;
}

export function createApiMetrics({ registry, queue, awaiter, logger }: ApiMetricsOptions): ApiMetrics {
  const registers = [registry];
  registerQueueGauge({ registry, queue, logger });
  registerRecoveries(registry, awaiter);
  return {
    requests: new Counter({
      name: 'glyphmill_http_requests_total',
      help: 'HTTP requests answered',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'glyphmill_http_request_seconds',
      help: 'Seconds from a request to its answer',
      labelNames: ['method', 'route'],
      buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
      registers,
    }),
    admissionRefused: new Counter({
      name: 'glyphmill_admission_refused_total',
      help: 'Requests refused since too much work was waiting',
      registers,
    }),
    awaitTimeouts: new Counter({
      name: 'glyphmill_await_timeouts_total',
      help: 'Requests whose deadline passed before their job was done',
      registers,
    }),
  };
}

/** Read when somebody scrapes. Every API process reports the same queue: aggregate with max, never with sum. */
function registerQueueGauge({ registry, queue, logger }: Omit<ApiMetricsOptions, 'awaiter'>): void {
  const gauge = new Gauge({
    name: 'glyphmill_queue_jobs',
    help: 'Jobs in the queue (the same from every API process: aggregate with max)',
    labelNames: ['lane', 'state'],
    registers: [registry],
    async collect() {
      try {
        const depths = await Promise.all(lanes.map(async (lane) => ({ lane, depth: await queue.depth(lane) })));
        for (const { lane, depth } of depths) {
          for (const state of ['waiting', 'active', 'delayed'] as const) gauge.set({ lane, state }, depth[state]);
        }
      } catch (error) {
        // No series rather than an old number; the other metrics must still be readable.
        gauge.reset();
        logger.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'Queue depth is not known');
      }
    },
  });
}

/** The awaiter counts them itself; read when somebody scrapes. */
function registerRecoveries(registry: Registry, awaiter: Pick<JobAwaiter, 'recoveries'>): void {
  const counter: Counter = new Counter({
    name: 'glyphmill_await_poll_recoveries_total',
    help: 'Answers found by polling since their message was lost',
    registers: [registry],
    collect() {
      counter.reset();
      counter.inc(awaiter.recoveries);
    },
  });
}
