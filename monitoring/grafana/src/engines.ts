import { dashboard, type Row } from './dashboard.ts';
import { stat, timeSeries } from './panel.ts';
import { orNone, pod, quantile, rate } from './selectors.ts';

const speed: Row = {
  title: 'Speed',
  panels: [
    timeSeries({
      title: 'Pages',
      description: 'Per second, by lane and by how they ended.',
      unit: 'ops',
      layout: 'stacked',
      queries: [
        { expr: `sum by (lane, outcome) (${rate(`glyphmill_pages_total{${pod}}`)})`, legend: '{{lane}} {{outcome}}' },
      ],
    }),
    timeSeries({
      title: 'Pages per engine',
      description: 'Pages that were read in a second, divided by the engine processes that there are.',
      unit: 'ops',
      decimals: 2,
      queries: [
        {
          expr: `sum(${rate(`glyphmill_pages_total{${pod}, outcome="succeeded"}`)}) / sum(glyphmill_engine_processes{${pod}})`,
          legend: 'pages/s',
        },
      ],
    }),
    timeSeries({
      title: 'Runs',
      description: 'The slowest of twenty, from taking a job to its outcome: download, reading and storing.',
      unit: 's',
      queries: [
        {
          expr: quantile(0.95, `glyphmill_job_run_seconds_bucket{${pod}}`, ['source', 'outcome']),
          legend: '{{source}} {{outcome}}',
        },
      ],
    }),
    timeSeries({
      title: 'Where the time goes',
      description:
        'Seconds a second that pages spend in each stage. wait: for an idle engine; engine holds decode to draw and is left out.',
      unit: 's',
      layout: 'stacked',
      queries: [
        {
          expr: `sum by (stage) (${rate(`glyphmill_page_stage_seconds_sum{${pod}, stage!="engine"}`)})`,
          legend: '{{stage}}',
        },
      ],
    }),
    timeSeries({
      title: 'Stages, median',
      description: 'Of each page.',
      unit: 's',
      queries: [{ expr: quantile(0.5, `glyphmill_page_stage_seconds_bucket{${pod}}`, ['stage']), legend: '{{stage}}' }],
    }),
    timeSeries({
      title: 'Stages, slowest of twenty',
      description: 'Of each page.',
      unit: 's',
      queries: [
        { expr: quantile(0.95, `glyphmill_page_stage_seconds_bucket{${pod}}`, ['stage']), legend: '{{stage}}' },
      ],
    }),
  ],
};

const work: Row = {
  title: 'What is read',
  panels: [
    timeSeries({
      title: 'Encoded images',
      description: 'Bytes a second that were downloaded or uploaded, and read.',
      unit: 'Bps',
      queries: [{ expr: `sum(${rate(`glyphmill_page_image_bytes_total{${pod}}`)})`, legend: 'bytes' }],
    }),
    timeSeries({
      title: 'Pixels',
      description: 'A second. Large pages take longer.',
      unit: 'short',
      queries: [{ expr: `sum(${rate(`glyphmill_page_pixels_total{${pod}}`)})`, legend: 'pixels' }],
    }),
    timeSeries({
      title: 'Lines',
      description: 'Of text a page. Each takes time of its own to recognize.',
      queries: [
        {
          expr: `sum(${rate(`glyphmill_page_lines_total{${pod}}`)}) / sum(${rate(`glyphmill_pages_total{${pod}, outcome="succeeded"}`)})`,
          legend: 'lines a page',
        },
      ],
    }),
    timeSeries({
      title: 'Errors of runs',
      description: 'By code and by where they happened. Those of callers are here, too, and runs that are tried again.',
      unit: 'ops',
      width: 12,
      layout: 'stacked',
      queries: [
        { expr: `sum by (stage, code) (${rate(`glyphmill_errors_total{${pod}}`)})`, legend: '{{stage}} {{code}}' },
      ],
    }),
    timeSeries({
      title: 'Batches',
      description:
        'Pages or lines that were read in one run of a model, on average, and how much of a batch is no padding. 0 where models run one at a time, as on processors.',
      width: 12,
      queries: [
        {
          expr: orNone(
            `sum by (model) (${rate(`glyphmill_batch_size_sum{${pod}}`)}) / sum by (model) (${rate(`glyphmill_batch_size_count{${pod}}`)})`,
          ),
          legend: 'size {{model}}',
        },
        {
          expr: orNone(
            `sum by (model) (${rate(`glyphmill_batch_fill_ratio_sum{${pod}}`)}) / sum by (model) (${rate(`glyphmill_batch_fill_ratio_count{${pod}}`)})`,
          ),
          legend: 'fill {{model}}',
        },
      ],
    }),
  ],
};

const processes: Row = {
  title: 'Engine processes',
  panels: [
    timeSeries({
      title: 'Engines',
      description: 'By state; those that start count as busy.',
      layout: 'stacked',
      queries: [{ expr: `sum by (state) (glyphmill_engine_processes{${pod}})`, legend: '{{state}}' }],
    }),
    timeSeries({
      title: 'Ends of engines',
      description:
        'Per minute, by reason. memory and cancel_timeout are as planned; others are crashes, pages that took too long, or the system’s doing.',
      queries: [
        {
          expr: `sum by (reason) (${rate(`glyphmill_engine_restarts_total{${pod}}`)}) * 60`,
          legend: '{{reason}}',
        },
      ],
    }),
    timeSeries({
      title: 'Pages read once more',
      description: 'Since their engine process ended.',
      unit: 'ops',
      queries: [{ expr: `sum(${rate(`glyphmill_pages_retried_total{${pod}}`)})`, legend: 'retried' }],
    }),
    timeSeries({
      title: 'Memory of engines',
      description: 'Resident, after their last page. They are replaced above ENGINE_MEMORY_LIMIT.',
      unit: 'bytes',
      queries: [
        { expr: `max by (instance, engine) (glyphmill_engine_rss_bytes{${pod}})`, legend: '{{instance}} {{engine}}' },
      ],
    }),
    timeSeries({
      title: 'Processor time of engines',
      description: 'Cores that engine processes use.',
      unit: 'none',
      decimals: 2,
      queries: [
        { expr: `sum by (instance) (${rate(`glyphmill_engine_cpu_seconds_total{${pod}}`)})`, legend: '{{instance}}' },
      ],
    }),
    timeSeries({
      title: 'Images held in memory',
      description: 'Room that workers have claimed for encoded images.',
      unit: 'bytes',
      queries: [{ expr: `sum by (instance) (glyphmill_held_image_bytes{${pod}})`, legend: '{{instance}}' }],
    }),
    stat({
      title: 'Models',
      description: 'With what workers read, and how many of them. Two lines of one role: two versions are mixed.',
      unit: 'none',
      width: 24,
      queries: [
        {
          expr: `count by (model, provider, role, sha256) (glyphmill_model_info{${pod}})`,
          legend: '{{role}} {{model}} {{provider}} {{sha256}}',
        },
      ],
    }),
  ],
};

export const engines = dashboard({
  uid: 'glyphmill-engines',
  title: 'Glyphmill: engines',
  description: 'How fast are pages read, where does the time go, and are engine processes well?',
  rows: [speed, work, processes],
});
