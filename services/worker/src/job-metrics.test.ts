import { errorCodes } from '@glyphmill/core/errors';
import { Registry } from '@glyphmill/core/metrics';
import type { ClaimedJob, ImageSource, Lane } from '@glyphmill/core/queue';
import { beforeEach, describe, expect, test } from 'vitest';
import { createJobMetrics, type JobMetrics, runOutcomeOf } from './job-metrics.ts';
import { createPageRecord, type PageRecord } from './page-record.ts';

let registry: Registry;
let metrics: JobMetrics;

beforeEach(() => {
  registry = new Registry();
  metrics = createJobMetrics(registry);
});

interface RunOptions {
  readonly lane?: Lane;
  readonly kind?: ImageSource['kind'];
  readonly waitedMs?: number;
  readonly ranMs?: number;
}

function run(record: Partial<PageRecord>, { lane = 'bulk', kind = 'url', waitedMs = 0, ranMs = 0 }: RunOptions = {}) {
  const job = { lane, waitedMs, payload: { source: { kind } } } as ClaimedJob;
  metrics.observeRun(job, { ...createPageRecord(), startedAt: performance.now() - ranMs, ...record });
}

/** Of a series without its labels' order; undefined where there is none. */
async function valueOf(name: string, labels: Readonly<Record<string, string>>): Promise<number | undefined> {
  const found = await registry.getSingleMetric(name.replace(/_(bucket|sum|count)$/, ''))?.get();
  const wanted = Object.entries(labels);
  return found?.values.find(
    (value) =>
      (('metricName' in value ? value.metricName : undefined) ?? name) === name &&
      Object.keys(value.labels).length === wanted.length &&
      wanted.every(([label, text]) => String((value.labels as Record<string, unknown>)[label]) === text),
  )?.value;
}

const countOf = (name: string, labels: Readonly<Record<string, string>>) => valueOf(`${name}_count`, labels);

describe('a job that ends', () => {
  test('is measured from its due time and from its taking', async () => {
    run({ outcome: 'succeeded' }, { lane: 'interactive', kind: 'data', waitedMs: 8_000, ranMs: 3_000 });
    expect(await valueOf('glyphmill_job_wait_seconds_sum', { lane: 'interactive', source: 'data' })).toBe(8);
    const ran = { lane: 'interactive', source: 'data', outcome: 'succeeded' };
    expect(await valueOf('glyphmill_job_run_seconds_sum', ran)).toBeCloseTo(3, 1);
    const all = { lane: 'interactive', outcome: 'succeeded' };
    expect(await valueOf('glyphmill_job_latency_seconds_sum', all)).toBeCloseTo(11, 1);
    expect(await valueOf('glyphmill_job_latency_seconds_bucket', { ...all, le: '10' })).toBe(0);
    expect(await valueOf('glyphmill_job_latency_seconds_bucket', { ...all, le: '15' })).toBe(1);
  });

  test.each([
    ['download_failed', 'input_error'],
    ['poison_image', 'service_error'],
    ['canceled', 'canceled'],
  ] as const)('%s is counted as %s', async (code, outcome) => {
    run({ outcome: code, failedIn: 'fetch' });
    expect(await countOf('glyphmill_job_run_seconds', { lane: 'bulk', source: 'url', outcome })).toBe(1);
    expect(await countOf('glyphmill_job_latency_seconds', { lane: 'bulk', outcome })).toBe(1);
    expect(await valueOf('glyphmill_errors_total', { code, stage: 'fetch' })).toBe(code === 'canceled' ? undefined : 1);
  });
});

test('a run that is tried again is a run and an error, but no end of the job', async () => {
  run({ outcome: 'download_timeout', failedIn: 'fetch', isRetried: true });
  const failed = { lane: 'bulk', outcome: 'input_error' };
  expect(await countOf('glyphmill_job_run_seconds', { ...failed, source: 'url' })).toBe(1);
  expect(await valueOf('glyphmill_errors_total', { code: 'download_timeout', stage: 'fetch' })).toBe(1);
  expect(await countOf('glyphmill_job_latency_seconds', failed)).toBe(0);
});

test('a run that is given back is neither an error nor an end', async () => {
  run({ outcome: 'discarded' });
  expect(await countOf('glyphmill_job_run_seconds', { lane: 'bulk', source: 'url', outcome: 'released' })).toBe(1);
  expect(await countOf('glyphmill_job_latency_seconds', { lane: 'bulk', outcome: 'released' })).toBeUndefined();
  expect((await registry.getSingleMetric('glyphmill_errors_total')?.get())?.values).toEqual([]);
});

describe('a job that is never read', () => {
  test('since its deadline passed in the queue ends by our fault, and has waited', async () => {
    metrics.observeUnread({
      type: 'ended_unread',
      lane: 'interactive',
      source: 'url',
      waitedMs: 40_000,
      code: 'deadline_exceeded',
    });
    const late = { lane: 'interactive', outcome: 'service_error' };
    expect(await valueOf('glyphmill_job_latency_seconds_sum', late)).toBe(40);
    expect(await valueOf('glyphmill_job_wait_seconds_sum', { lane: 'interactive', source: 'url' })).toBe(40);
    expect(await valueOf('glyphmill_errors_total', { code: 'deadline_exceeded', stage: 'queue' })).toBe(1);
  });

  test('since it could not be claimed is an error', async () => {
    metrics.observeClaimFault('internal');
    expect(await valueOf('glyphmill_errors_total', { code: 'internal', stage: 'claim' })).toBe(1);
  });
});

test('targets can be counted exactly, and every end is told from the first scrape on', async () => {
  const bounds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].map((bound) => `le="${bound}"`);
  const scraped = await registry.getSingleMetricAsString('glyphmill_job_latency_seconds');
  for (const bound of bounds) expect(scraped).toContain(`${bound},lane="interactive",outcome="service_error"} 0`);
});

test('every code has an outcome', () => {
  for (const code of errorCodes) expect(['input_error', 'service_error', 'canceled']).toContain(runOutcomeOf(code));
});
