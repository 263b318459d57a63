import { dashboard, type Row } from './dashboard.ts';
import { stat, timeSeries } from './panel.ts';
import { pod, quantile, rate } from './selectors.ts';

const state: Row = {
  title: 'State',
  panels: [
    stat({
      title: 'Inbox readable',
      description: '0: the folder is missing, not mounted, or may not be read.',
      unit: 'none',
      steps: [
        { from: null, color: 'red' },
        { from: 1, color: 'green' },
      ],
      queries: [{ expr: `min(glyphmill_ingest_inbox_readable{${pod}})`, legend: 'readable' }],
    }),
    stat({
      title: 'Takes files',
      description: 'Processes that take files: one, the others stand by.',
      unit: 'none',
      steps: [
        { from: null, color: 'red' },
        { from: 1, color: 'green' },
        { from: 2, color: 'red' },
      ],
      queries: [{ expr: `sum(glyphmill_ingest_leader{${pod}})`, legend: 'leaders' }],
    }),
    stat({
      title: 'Paused',
      description: '1 while no files are taken since somebody said so.',
      unit: 'none',
      steps: [
        { from: null, color: 'green' },
        { from: 1, color: 'orange' },
      ],
      queries: [{ expr: `max(glyphmill_ingest_paused{${pod}})`, legend: 'paused' }],
    }),
    stat({
      title: 'Files wait',
      description: 'Images that were seen and not taken yet.',
      unit: 'none',
      queries: [{ expr: `sum(glyphmill_ingest_waiting_files{${pod}})`, legend: 'files' }],
    }),
    stat({
      title: 'Jobs that have not ended',
      description: 'Of the inbox. No more than a certain number are made at a time.',
      unit: 'none',
      queries: [{ expr: `sum(glyphmill_ingest_unfinished_jobs{${pod}})`, legend: 'jobs' }],
    }),
    stat({
      title: 'Last scan',
      description: 'For how long the whole folder has not been looked through.',
      unit: 's',
      queries: [{ expr: `time() - max(glyphmill_ingest_last_scan_timestamp_seconds{${pod}})`, legend: 'ago' }],
    }),
  ],
};

const files: Row = {
  title: 'Files',
  panels: [
    timeSeries({
      title: 'Looks at files',
      description:
        'By what came of them: accepted (a job), known (the same bytes have one), changed or unfinished (still being written), an error’s code, moved afterwards.',
      unit: 'ops',
      layout: 'stacked',
      queries: [{ expr: `sum by (outcome) (${rate(`glyphmill_ingest_files_total{${pod}}`)})`, legend: '{{outcome}}' }],
    }),
    timeSeries({
      title: 'Waiting files and unfinished jobs',
      description: 'Where files wait and jobs do not become fewer, workers are too few, or away.',
      queries: [
        { expr: `sum(glyphmill_ingest_waiting_files{${pod}})`, legend: 'files that wait' },
        { expr: `sum(glyphmill_ingest_unfinished_jobs{${pod}})`, legend: 'unfinished jobs' },
      ],
    }),
    timeSeries({
      title: 'In the folder',
      description: 'By the last scan: images, and files that are left alone.',
      queries: [
        { expr: `max(glyphmill_ingest_seen_images{${pod}})`, legend: 'images' },
        { expr: `max(glyphmill_ingest_ignored_files{${pod}})`, legend: 'left alone' },
      ],
    }),
    timeSeries({
      title: 'Copied',
      description: 'Bytes a second that were copied and hashed.',
      unit: 'Bps',
      queries: [{ expr: `sum(${rate(`glyphmill_ingest_copied_bytes_total{${pod}}`)})`, legend: 'bytes' }],
    }),
    timeSeries({
      title: 'Scans',
      description: 'Time that a look through the whole folder took, the slowest of twenty.',
      unit: 's',
      queries: [{ expr: quantile(0.95, `glyphmill_ingest_scan_seconds_bucket{${pod}}`), legend: 'p95' }],
    }),
    timeSeries({
      title: 'Left to the reconciler',
      description: 'Jobs that could not be put into the queue after they were made; the API sends them.',
      unit: 'ops',
      queries: [{ expr: `sum(${rate(`glyphmill_ingest_sends_given_up_total{${pod}}`)})`, legend: 'given up' }],
    }),
  ],
};

const read: Row = {
  title: 'What becomes of them',
  panels: [
    timeSeries({
      title: 'Wait of files',
      description: 'Of jobs whose image is a copy or an upload: from being due in the queue to being taken.',
      unit: 's',
      width: 12,
      queries: [0.5, 0.95].map((share) => ({
        expr: quantile(share, `glyphmill_job_wait_seconds_bucket{${pod}, source="blob"}`),
        legend: `p${share * 100}`,
      })),
    }),
    timeSeries({
      title: 'Runs of files',
      description: 'Of the same jobs, by how they ended: input_error is a broken file.',
      unit: 'ops',
      width: 12,
      layout: 'stacked',
      queries: [
        {
          expr: `sum by (outcome) (${rate(`glyphmill_job_run_seconds_count{${pod}, source="blob"}`)})`,
          legend: '{{outcome}}',
        },
      ],
    }),
  ],
};

export const ingest = dashboard({
  uid: 'glyphmill-ingest',
  title: 'Glyphmill: ingest',
  description: 'What comes from the folder, and what becomes of it?',
  rows: [state, files, read],
});
