import { type ErrorCode, faultClassOf } from '@glyphmill/core/errors';
import { Counter, Histogram, type Registry } from '@glyphmill/core/metrics';
import { type ClaimedJob, type LaneEvent, lanes } from '@glyphmill/core/queue';
import type { PageOutcome, PageRecord } from './page-record.ts';

/** `released`: it goes back to the queue or belongs to another run by now, so that it ends elsewhere. */
export const runOutcomes = ['succeeded', 'input_error', 'service_error', 'canceled', 'released'] as const;
export type RunOutcome = (typeof runOutcomes)[number];

export interface JobMetrics {
  /** A run of a job that has just come to its end. */
  observeRun(job: ClaimedJob, record: PageRecord): void;
  observeUnread(job: Extract<LaneEvent, { type: 'ended_unread' }>): void;
  observeClaimFault(code: ErrorCode): void;
}

/** Targets are among them, so that what is under a target can be counted exactly. */
const latencyBuckets = [0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
const waitBuckets = [0.01, 0.05, ...latencyBuckets, 14_400];
/** From an image that is no image to a page that was read twice up to its deadline. */
const runBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120];

export function createJobMetrics(registry: Registry): JobMetrics {
  const { waitSeconds, runSeconds, latencySeconds } = createDurations(registry);
  const errors = new Counter({
    name: 'glyphmill_errors_total',
    help: 'Errors of runs by their code and by where they happened: claim, fetch, decode (the image is none, or a broken one), engine, store, queue (the deadline passed there). Runs that are tried again count, canceled ones do not',
    labelNames: ['code', 'stage'],
    registers: [registry],
  });
  return {
    observeRun({ lane, waitedMs, payload }, record) {
      const source = payload.source.kind;
      const outcome = runOutcomeOf(record.outcome);
      const runMs = performance.now() - record.startedAt;
      waitSeconds.observe({ lane, source }, waitedMs / 1000);
      runSeconds.observe({ lane, source, outcome }, runMs / 1000);
      if (outcome === 'input_error' || outcome === 'service_error') {
        errors.inc({ code: record.outcome, stage: record.failedIn });
      }
      if (outcome === 'released' || record.isRetried) return;
      latencySeconds.observe({ lane, outcome }, (waitedMs + runMs) / 1000);
    },
    observeUnread({ lane, source, waitedMs, code }) {
      errors.inc({ code, stage: 'queue' });
      if (source !== undefined) waitSeconds.observe({ lane, source }, waitedMs / 1000);
      latencySeconds.observe({ lane, outcome: faultClassOf(code) }, waitedMs / 1000);
    },
    observeClaimFault(code) {
      errors.inc({ code, stage: 'claim' });
    },
  };
}

function createDurations(registry: Registry) {
  const registers = [registry];
  const latencySeconds = new Histogram({
    name: 'glyphmill_job_latency_seconds',
    help: 'Wait and run together, of jobs that a worker ended, each counted once: succeeded, input_error, service_error (our own fault), canceled. Of a job that was tried again it is the last attempt, from the moment that this was due. Jobs that ended without a worker are not among them: see glyphmill_deadlines_expired_total and glyphmill_await_timeouts_total',
    labelNames: ['lane', 'outcome'],
    buckets: latencyBuckets,
    registers,
  });
  // From the first scrape on: a series that begins with its first event hides that event from every rate.
  for (const lane of lanes) {
    for (const outcome of runOutcomes) if (outcome !== 'released') latencySeconds.zero({ lane, outcome });
  }
  return {
    latencySeconds,
    waitSeconds: new Histogram({
      name: 'glyphmill_job_wait_seconds',
      help: 'Time from the moment that a job was due in the queue to its taking, by the clocks of who sent it and of the worker; the delay before another attempt is no wait. What comes back from a lost worker has been waiting all the time',
      labelNames: ['lane', 'source'],
      buckets: waitBuckets,
      registers,
    }),
    runSeconds: new Histogram({
      name: 'glyphmill_job_run_seconds',
      help: 'Time from the taking of a job to its outcome, stored where it is a durable one: succeeded, input_error, service_error (our own fault), canceled, released (it goes back to the queue, or another worker has it). Each run counts, also one that is tried again',
      labelNames: ['lane', 'source', 'outcome'],
      buckets: runBuckets,
      registers,
    }),
  };
}

export function runOutcomeOf(outcome: PageOutcome): RunOutcome {
  switch (outcome) {
    case 'succeeded':
      return 'succeeded';
    case 'discarded':
      return 'released';
    default:
      return faultClassOf(outcome);
  }
}
