import { errorCodes, faultClassOf } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import { Counter, Gauge, type Registry } from '@glyphmill/core/metrics';
import { type JobAwaiter, type JobQueue, lanes } from '@glyphmill/core/queue';
import { createHttpMetrics, type HttpMetrics } from '@glyphmill/http/http-metrics';
import { statusOf } from '@glyphmill/http/problem';
import { registerQueueMetrics } from './queue-metrics.ts';

export interface ApiMetrics extends HttpMetrics {
  readonly admissionRefused: Counter<'lane'>;
  readonly awaitTimeouts: Counter;
  readonly jobsAccepted: Counter<'lane'>;
  readonly sendsGivenUp: Counter;
  readonly eventStreams: Gauge;
}

export interface ApiMetricsOptions {
  readonly registry: Registry;
  readonly queue: Pick<JobQueue, 'stats'>;
  readonly awaiter: Pick<JobAwaiter, 'recoveries'>;
  readonly logger: Logger;
}

export function createApiMetrics({ registry, queue, awaiter, logger }: ApiMetricsOptions): ApiMetrics {
  const registers = [registry];
  registerQueueMetrics({ registry, queue, logger });
  registerRecoveries(registry, awaiter);
  const metrics: ApiMetrics = {
    ...createHttpMetrics(registry),
    admissionRefused: new Counter({
      name: 'glyphmill_admission_refused_total',
      help: 'Requests refused (queue_full) since too much work was waiting; bulk counts requests, not their images',
      labelNames: ['lane'],
      registers,
    }),
    awaitTimeouts: new Counter({
      name: 'glyphmill_await_timeouts_total',
      help: 'Requests to /analyze whose deadline passed before their job was done',
      registers,
    }),
    jobsAccepted: new Counter({
      name: 'glyphmill_jobs_accepted_total',
      help: 'Durable jobs made; jobs found under a known idempotency key do not count',
      labelNames: ['lane'],
      registers,
    }),
    sendsGivenUp: new Counter({
      name: 'glyphmill_job_sends_given_up_total',
      help: 'Accepted jobs that could not be sent to the queue at once and were left to the reconciler',
      registers,
    }),
    eventStreams: new Gauge({ name: 'glyphmill_event_streams', help: 'Event streams that are open', registers }),
  };
  // From the first scrape on: a series that begins with its first event hides that event from every rate.
  for (const lane of lanes) {
    metrics.admissionRefused.inc({ lane }, 0);
    metrics.jobsAccepted.inc({ lane }, 0);
  }
  for (const labels of ownFaults()) metrics.requests.inc(labels, 0);
  return metrics;
}

/** Where work comes in. */
const workRoutes = ['/analyze', '/jobs'] as const;

/** What the answers are counted under that error budgets are about. */
function ownFaults() {
  const codes = errorCodes.filter((code) => faultClassOf(code) === 'service_error');
  return workRoutes.flatMap((route) => codes.map((code) => ({ method: 'POST', route, status: statusOf[code], code })));
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
