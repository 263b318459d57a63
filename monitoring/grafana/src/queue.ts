import { dashboard, type Row } from './dashboard.ts';
import { stat, timeSeries } from './panel.ts';
import { namespace, orNone, pod, quantile, rate } from './selectors.ts';

const load: Row = {
  title: 'Load',
  panels: [
    timeSeries({
      title: 'Load by lane',
      description: 'Jobs that wait, are worked on or are due later: what workers are scaled by.',
      queries: [{ expr: `sum by (lane) (glyphmill:queue_load:jobs{${namespace}})`, legend: '{{lane}}' }],
    }),
    timeSeries({
      title: 'Jobs in the queue',
      description:
        'By lane and state. Every API process tells of the same queue, hence the maximum. delayed: waiting for another attempt.',
      layout: 'stacked',
      queries: [
        {
          expr: `sum by (lane, state) (max by (namespace, lane, state) (glyphmill_queue_jobs{${namespace}}))`,
          legend: '{{lane}} {{state}}',
        },
      ],
    }),
    timeSeries({
      title: 'Oldest waiting job',
      description: 'For how long the job that waits longest has been due.',
      unit: 's',
      queries: [{ expr: `max by (lane) (glyphmill_queue_oldest_waiting_seconds{${namespace}})`, legend: '{{lane}}' }],
    }),
    timeSeries({
      title: 'In and out',
      description: 'Jobs that come and jobs that end, per second. Where more come than end, the queue grows.',
      unit: 'ops',
      queries: [
        { expr: `sum(${rate(`glyphmill_jobs_accepted_total{${pod}}`)})`, legend: 'accepted jobs (API)' },
        {
          expr: `sum(${rate(`glyphmill_ingest_files_total{${pod}, outcome="accepted"}`)})`,
          legend: 'accepted files',
        },
        {
          expr: `sum(${rate(`glyphmill_http_requests_total{${pod}, service="api", method="POST", route="/analyze"}`)})`,
          legend: 'POST /analyze',
        },
        {
          expr: `sum by (lane) (${rate(`glyphmill_job_latency_seconds_count{${pod}}`)})`,
          legend: 'ended {{lane}}',
        },
      ],
    }),
    timeSeries({
      title: 'Wait',
      description: 'From being due in the queue to being taken by a worker.',
      unit: 's',
      queries: [0.5, 0.95].map((share) => ({
        expr: quantile(share, `glyphmill_job_wait_seconds_bucket{${pod}}`, ['lane']),
        legend: `{{lane}} p${share * 100}`,
      })),
    }),
    timeSeries({
      title: 'Refused',
      description:
        'Requests answered 429: so much waits that the answer would come too late, or the store is at QUEUE_LIMIT.',
      unit: 'reqps',
      queries: [{ expr: `sum by (lane) (${rate(`glyphmill_admission_refused_total{${pod}}`)})`, legend: '{{lane}}' }],
    }),
  ],
};

const scaling: Row = {
  title: 'Scaling',
  panels: [
    timeSeries({
      title: 'Workers and engines',
      description: 'Processes that pull jobs, and the engine processes that they keep; draining ones take nothing new.',
      queries: [
        { expr: `count(glyphmill_build_info{${pod}, service="worker"})`, legend: 'workers' },
        { expr: `sum(glyphmill_engine_processes{${pod}})`, legend: 'engines' },
        { expr: `sum(glyphmill_worker_draining{${pod}})`, legend: 'draining workers' },
      ],
    }),
    timeSeries({
      title: 'Busy engines',
      description: 'Share of the engine processes that read. At 100 % while jobs wait, more workers help.',
      unit: 'percentunit',
      max: 1,
      queries: [
        {
          expr: `sum(glyphmill_engine_processes{${pod}, state="busy"}) / sum(glyphmill_engine_processes{${pod}})`,
          legend: 'busy',
        },
      ],
    }),
    timeSeries({
      title: 'Time until the queue is empty',
      description: 'At the speed of the last five minutes, should nothing more come. No line where nothing ends.',
      unit: 's',
      queries: [
        {
          expr: `sum by (lane) (glyphmill:queue_load:jobs{${namespace}}) / (sum by (lane) (rate(glyphmill_job_latency_seconds_count{${namespace}}[5m])) > 0)`,
          legend: '{{lane}}',
        },
      ],
    }),
  ],
};

const repairs: Row = {
  title: 'What was repaired',
  panels: [
    timeSeries({
      title: 'Lost workers and locks',
      description:
        'Jobs given back since their worker was gone (stalled), locks that may have gone to another worker, renewals that failed.',
      unit: 'ops',
      queries: [
        { expr: `sum(${rate(`glyphmill_stalled_total{${pod}}`)})`, legend: 'stalled' },
        { expr: `sum(${rate(`glyphmill_lock_lost_total{${pod}}`)})`, legend: 'locks lost' },
        { expr: `sum(${rate(`glyphmill_lock_renewals_failed_total{${pod}}`)})`, legend: 'renewals failed' },
      ],
    }),
    timeSeries({
      title: 'Sent again by the reconciler',
      description:
        'Jobs that the queue ought to have held: missing, with an expired lease, or all of them since Redis came back empty (refill).',
      unit: 'ops',
      queries: [
        { expr: `sum by (reason) (${rate(`glyphmill_reconciler_drift_total{${namespace}}`)})`, legend: '{{reason}}' },
        { expr: `sum(${rate(`glyphmill_job_sends_given_up_total{${pod}}`)})`, legend: 'left to it by the API' },
      ],
    }),
    timeSeries({
      title: 'Waiting callers',
      description:
        'Answers that were found by polling since their message was lost, and requests whose deadline passed first.',
      unit: 'ops',
      queries: [
        { expr: `sum(${rate(`glyphmill_await_poll_recoveries_total{${pod}}`)})`, legend: 'found by polling' },
        { expr: `sum(${rate(`glyphmill_await_timeouts_total{${pod}}`)})`, legend: 'too late' },
      ],
    }),
    stat({
      title: 'Last comparison',
      description: 'For how long queue and database have not been compared; every 2 s is right.',
      unit: 's',
      width: 8,
      steps: [
        { from: null, color: 'green' },
        { from: 120, color: 'red' },
      ],
      queries: [
        {
          expr: `time() - max(glyphmill_reconciler_last_success_timestamp_seconds{${namespace}})`,
          legend: 'ago',
        },
      ],
    }),
    stat({
      title: 'Webhooks that wait',
      description: 'Neither delivered nor given up, counted up to 10,000.',
      unit: 'none',
      width: 8,
      queries: [{ expr: `sum(glyphmill_webhooks_pending{${namespace}})`, legend: 'pending' }],
    }),
    stat({
      title: 'Past their deadline',
      description: 'Durable jobs that failed within the chosen time since nobody came to them before their deadline.',
      unit: 'none',
      width: 8,
      queries: [
        { expr: `sum(increase(glyphmill_deadlines_expired_total{${namespace}}[$__range]))`, legend: 'expired' },
      ],
    }),
  ],
};

const stores: Row = {
  title: 'Redis and database',
  panels: [
    timeSeries({
      title: 'Memory of Redis',
      description: 'Used, and what may be used (0: no limit). When it is full it takes no jobs.',
      unit: 'bytes',
      queries: [
        { expr: `max(glyphmill_redis_memory_used_bytes{${namespace}})`, legend: 'used' },
        { expr: `max(glyphmill_redis_memory_max_bytes{${namespace}})`, legend: 'limit' },
      ],
    }),
    timeSeries({
      title: 'Jobs in the database',
      description: 'By state, all that are kept. failed holds callers’ errors, too.',
      queries: [
        {
          expr: `sum by (state) (max by (namespace, state) (glyphmill_store_jobs{${namespace}}))`,
          legend: '{{state}}',
        },
      ],
    }),
    timeSeries({
      title: 'Calls of the database',
      description: 'The slowest of twenty that worked, by service and operation.',
      unit: 's',
      queries: [
        {
          expr: quantile(0.95, `glyphmill_store_call_seconds_bucket{${pod}}`, ['service', 'operation']),
          legend: '{{service}} {{operation}}',
        },
      ],
    }),
    timeSeries({
      title: 'Waits for the database',
      description:
        'Results that wait until the database can be reached again, and the time that was waited, per second.',
      queries: [
        { expr: `sum(glyphmill_store_waiting_jobs{${pod}})`, legend: 'jobs' },
        { expr: `sum(${rate(`glyphmill_store_wait_seconds_total{${pod}}`)})`, legend: 's/s' },
      ],
    }),
    timeSeries({
      title: 'Runs of durable jobs',
      description: 'By how they ended: stored, failed, retried, released, canceled, late, refused, outdated.',
      unit: 'ops',
      layout: 'stacked',
      queries: [{ expr: `sum by (outcome) (${rate(`glyphmill_durable_runs_total{${pod}}`)})`, legend: '{{outcome}}' }],
    }),
    timeSeries({
      title: 'Webhooks',
      description: 'By what came of a try to deliver one; 0 where nobody asked for any.',
      unit: 'ops',
      queries: [
        {
          expr: orNone(`sum by (outcome) (${rate(`glyphmill_webhooks_total{${pod}}`)})`),
          legend: '{{outcome}}',
        },
      ],
    }),
  ],
};

export const queue = dashboard({
  uid: 'glyphmill-queue',
  title: 'Glyphmill: queue and scaling',
  description: 'Do jobs get through, and are there enough workers?',
  rows: [load, scaling, repairs, stores],
});
