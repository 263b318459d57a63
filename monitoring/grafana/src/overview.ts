import { dashboard, type Row } from './dashboard.ts';
import { stat, type Step, timeSeries } from './panel.ts';
import { namespace, orNone, pod, quantile, rate } from './selectors.ts';

const ownCodes = 'internal|queue_unavailable|store_unavailable|deadline_exceeded|poison_image|storage_full';

const oneIsGood: readonly Step[] = [
  { from: null, color: 'red' },
  { from: 1, color: 'green' },
];

const burnRates: readonly Step[] = [
  { from: null, color: 'green' },
  { from: 6, color: 'orange' },
  { from: 14.4, color: 'red' },
];

function atLeast(share: number): readonly Step[] {
  return [
    { from: null, color: 'red' },
    { from: share, color: 'green' },
  ];
}

const objectives: Row = {
  title: 'Objectives',
  panels: [
    stat({
      title: 'Ended without our own fault',
      description:
        'Of the chosen time. Objective: 99.9 %. Dead URLs, broken images and refusals (429) are no faults of ours; interactive counts calls of POST /analyze, bulk counts jobs.',
      unit: 'percentunit',
      width: 6,
      max: 1,
      decimals: 3,
      steps: atLeast(0.999),
      queries: [
        {
          expr: `1 - sum by (lane) (sum_over_time(glyphmill:own_faults:increase5m{${namespace}}[$__range])) / sum by (lane) (sum_over_time(glyphmill:endings:increase5m{${namespace}}[$__range]))`,
          legend: '{{lane}}',
        },
      ],
    }),
    stat({
      title: 'Read in time',
      description:
        'Of the chosen time: pages whose wait and reading took at most 10 s (interactive; objective 99 %) or 5 min (bulk; objective 95 %).',
      unit: 'percentunit',
      width: 6,
      max: 1,
      decimals: 2,
      steps: atLeast(0.95),
      queries: [
        {
          expr: `1 - sum by (lane) (sum_over_time(glyphmill:late:increase5m{${namespace}}[$__range])) / sum by (lane) (sum_over_time(glyphmill:succeeded:increase5m{${namespace}}[$__range]))`,
          legend: '{{lane}}',
        },
      ],
    }),
    stat({
      title: 'Pages read per second',
      description: 'Pages whose text was read, now.',
      unit: 'none',
      decimals: 2,
      queries: [{ expr: `sum(${rate(`glyphmill_pages_total{${pod}, outcome="succeeded"}`)})`, legend: 'pages/s' }],
    }),
    stat({
      title: 'Oldest job waits',
      description: 'For how long the job that waits longest has been due; 0 when none waits.',
      unit: 's',
      queries: [{ expr: `max by (lane) (glyphmill_queue_oldest_waiting_seconds{${namespace}})`, legend: '{{lane}}' }],
    }),
    stat({
      title: 'Alerts that fire',
      description: 'Each counts once, however many processes raise it. docs/runbooks/ has a page for each.',
      unit: 'none',
      steps: [
        { from: null, color: 'green' },
        { from: 1, color: 'red' },
      ],
      queries: [
        {
          expr: orNone(
            `count(count by (namespace, alertname) (ALERTS{${namespace}, alertname=~"Glyphmill.*", alertstate="firing"}))`,
          ),
          legend: 'firing',
        },
      ],
    }),
    timeSeries({
      title: 'Burn of the budget for own faults',
      description:
        'How many times as fast as the objective allows (0.1 %). Above 14.4 for an hour the month’s budget is gone in two days, above 6 in five.',
      width: 12,
      steps: burnRates,
      queries: [
        {
          expr: `sum by (lane) (glyphmill:own_faults:increase5m{${namespace}}) / sum by (lane) (glyphmill:endings:increase5m{${namespace}}) / 0.001`,
          legend: '{{lane}}',
        },
      ],
    }),
    timeSeries({
      title: 'Burn of the budget for lateness',
      description: 'How many times as fast as the objectives allow (interactive 1 % over 10 s, bulk 5 % over 5 min).',
      width: 12,
      steps: burnRates,
      queries: (['interactive', 'bulk'] as const).map((lane) => ({
        expr: `sum(glyphmill:late:increase5m{${namespace}, lane="${lane}"}) / sum(glyphmill:succeeded:increase5m{${namespace}, lane="${lane}"}) / ${lane === 'interactive' ? 0.01 : 0.05}`,
        legend: lane,
      })),
    }),
  ],
};

const users: Row = {
  title: 'What users see',
  panels: [
    timeSeries({
      title: 'Answers of POST /analyze',
      description: 'By HTTP status. 429 is a refusal since too much waits, 424 a URL that could not be fetched.',
      unit: 'reqps',
      layout: 'stacked',
      queries: [
        {
          expr: `sum by (status) (${rate(`glyphmill_http_requests_total{${pod}, service="api", method="POST", route="/analyze"}`)})`,
          legend: '{{status}}',
        },
      ],
    }),
    timeSeries({
      title: 'Jobs that ended',
      description:
        'By lane and by whose doing it was: input_error is the caller’s (a dead URL, a broken image), service_error is ours.',
      unit: 'ops',
      layout: 'stacked',
      queries: [
        {
          expr: `sum by (lane, outcome) (${rate(`glyphmill_job_latency_seconds_count{${pod}}`)})`,
          legend: '{{lane}} {{outcome}}',
        },
      ],
    }),
    timeSeries({
      title: 'Wait and reading together',
      description: 'Of pages that were read, from being due in the queue to their text.',
      unit: 's',
      queries: [0.5, 0.95, 0.99].map((share) => ({
        expr: quantile(share, `glyphmill_job_latency_seconds_bucket{${pod}, outcome="succeeded"}`, ['lane']),
        legend: `{{lane}} p${share * 100}`,
      })),
    }),
    timeSeries({
      title: 'Dead URLs and broken images',
      description: 'Callers’ own errors by code. They burn no budget and raise no alert.',
      unit: 'ops',
      layout: 'stacked',
      queries: [
        {
          expr: `sum by (code) (${rate(`glyphmill_errors_total{${pod}, code!~"${ownCodes}"}`)})`,
          legend: '{{code}}',
        },
      ],
    }),
    timeSeries({
      title: 'Our own faults',
      description: 'Runs and requests that ended by our fault, by code; 0 is as it should be.',
      unit: 'ops',
      layout: 'stacked',
      queries: [
        {
          expr: orNone(`sum by (code) (${rate(`glyphmill_errors_total{${pod}, code=~"${ownCodes}"}`)})`),
          legend: 'worker {{code}}',
        },
        {
          expr: `sum by (code) (${rate(`glyphmill_http_requests_total{${pod}, code=~"${ownCodes}"}`)})`,
          legend: 'HTTP {{code}}',
        },
      ],
    }),
    timeSeries({
      title: 'Time to answer',
      description: 'Of HTTP requests, the slowest of twenty, by route. POST /analyze waits for the reading.',
      unit: 's',
      queries: [
        {
          expr: quantile(0.95, `glyphmill_http_request_seconds_bucket{${pod}}`, ['service', 'route']),
          legend: '{{service}} {{route}}',
        },
      ],
    }),
  ],
};

const parts: Row = {
  title: 'Parts',
  panels: [
    stat({
      title: 'Processes',
      description: 'That give metrics, by service and version.',
      unit: 'none',
      width: 8,
      queries: [
        { expr: `count by (service, version) (glyphmill_build_info{${pod}})`, legend: '{{service}} {{version}}' },
      ],
    }),
    stat({
      title: 'Redis',
      description: '1 while all processes that tell can reach it.',
      unit: 'none',
      steps: oneIsGood,
      width: 3,
      queries: [{ expr: `min(glyphmill_redis_up{${pod}})`, legend: 'reachable' }],
    }),
    stat({
      title: 'Database',
      description: '1 while all workers can reach it. Uploads lie elsewhere.',
      unit: 'none',
      width: 3,
      steps: oneIsGood,
      queries: [{ expr: `min(glyphmill_store_up{${pod}})`, legend: 'reachable' }],
    }),
    stat({
      title: 'Uploads',
      description: '1 while all workers can use the folder or the bucket of uploads.',
      unit: 'none',
      width: 3,
      steps: oneIsGood,
      queries: [{ expr: `min(glyphmill_uploads_up{${pod}})`, legend: 'reachable' }],
    }),
    stat({
      title: 'Upkeep leaders',
      description: 'API processes that keep queue and database in line: one.',
      unit: 'none',
      width: 3,
      steps: [...oneIsGood, { from: 2, color: 'red' }],
      queries: [{ expr: `sum(glyphmill_upkeep_leader{${namespace}})`, legend: 'leaders' }],
    }),
    stat({
      title: 'Open event streams',
      description: 'Pages and clients that are told of changes as they happen.',
      unit: 'none',
      queries: [{ expr: `sum by (service) (glyphmill_event_streams{${pod}})`, legend: '{{service}}' }],
    }),
    timeSeries({
      title: 'Processor',
      description: 'Cores that the services use themselves; engine processes have a dashboard of their own.',
      unit: 'none',
      decimals: 2,
      queries: [{ expr: `sum by (service) (${rate(`process_cpu_seconds_total{${pod}}`)})`, legend: '{{service}}' }],
    }),
    timeSeries({
      title: 'Memory',
      description: 'Resident, of the services themselves.',
      unit: 'bytes',
      queries: [{ expr: `sum by (service) (process_resident_memory_bytes{${pod}})`, legend: '{{service}}' }],
    }),
    timeSeries({
      title: 'Event loop',
      description:
        'How late the slowest of a hundred timers was. Above 0.1 s a process is busy with what it should not do.',
      unit: 's',
      queries: [{ expr: `max by (service) (nodejs_eventloop_lag_p99_seconds{${pod}})`, legend: '{{service}}' }],
    }),
  ],
};

export const overview = dashboard({
  uid: 'glyphmill-overview',
  title: 'Glyphmill: overview',
  description: 'Are users well served, and are all parts there?',
  rows: [objectives, users, parts],
});
