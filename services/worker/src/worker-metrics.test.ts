import { createRegistry } from '@glyphmill/core/metrics';
import type { ClaimedJob } from '@glyphmill/core/queue';
import { expect, test } from 'vitest';
import { createPageRecord } from './page-record.ts';
import { createWorkerMetrics, restartReasons } from './worker-metrics.ts';

let draining = false;

const job = { lane: 'bulk', waitedMs: 4_000, payload: { source: { kind: 'blob' } } } as ClaimedJob;

function openMetrics() {
  const registry = createRegistry('worker');
  const metrics = createWorkerMetrics({
    registry,
    poolStats: () => ({
      idle: 1,
      busy: 2,
      waiting: 0,
      helpingPids: [3],
      helpedLines: 30,
      pids: [1, 2, 3],
      restarts: {},
      rssBytes: [100, 200, 300],
      cpuSeconds: 12.5,
    }),
    heldImageBytes: () => 42,
    isDraining: () => draining,
  });
  return {
    metrics,
    text: async () => (await registry.metrics()).replaceAll(/,service="worker"|service="worker",/g, ''),
  };
}

test('counts pages and measures stages, in seconds', async () => {
  const { metrics, text } = openMetrics();
  metrics.observePage(job, {
    ...createPageRecord(),
    outcome: 'succeeded',
    lines: 7,
    pixels: 2_000_000,
    stageMs: { fetch: 20, engine: 900 },
  });
  metrics.observePage(job, { ...createPageRecord(), outcome: 'download_failed' });
  const scraped = await text();
  expect(scraped).toContain('glyphmill_pages_total{outcome="succeeded",lane="bulk"} 1');
  expect(scraped).toContain('glyphmill_pages_total{outcome="download_failed",lane="bulk"} 1');
  expect(scraped).toContain('glyphmill_page_stage_seconds_sum{stage="engine"} 0.9');
  expect(scraped).toMatch(/glyphmill_page_pixels_total\{.*\} 2000000/);
  expect(scraped).not.toContain('stage="decode"');
  expect(scraped).toContain('glyphmill_engine_processes{state="busy"} 2');
  expect(scraped).toContain('glyphmill_engine_rss_bytes{engine="2"} 300');
  expect(scraped).toMatch(/glyphmill_engine_cpu_seconds_total\{.*\} 12\.5/);
  expect(scraped).toMatch(/glyphmill_helped_lines_total\{.*\} 30/);
  expect(scraped).toMatch(/glyphmill_held_image_bytes\{.*\} 42/);
});

test('the labels of restarts stay few, whatever processes end with', async () => {
  const { metrics, text } = openMetrics();
  for (let code = 0; code < 50; code += 1) {
    metrics.observePoolEvent({ type: 'process_exited', reason: `exit ${code}` });
    metrics.observePoolEvent({ type: 'process_exited', reason: `SIGRTMIN+${code}` });
  }
  metrics.observePoolEvent({ type: 'process_exited', reason: 'page_timeout' });
  metrics.observePoolEvent({ type: 'process_started', pid: 1 });
  const lines = (await text()).split('\n').filter((line) => line.startsWith('glyphmill_engine_restarts_total{'));
  expect(lines).toHaveLength(restartReasons.length);
  expect(lines).toContain('glyphmill_engine_restarts_total{reason="exit"} 50');
  expect(lines).toContain('glyphmill_engine_restarts_total{reason="other"} 50');
  expect(lines).toContain('glyphmill_engine_restarts_total{reason="page_timeout"} 1');
});

test('tells of every reason before any engine has ended, so that the first end is seen', async () => {
  const scraped = await openMetrics().text();
  for (const reason of ['page_timeout', 'memory', 'SIGKILL', 'SIGSEGV', 'exit', 'other'])
    expect(scraped).toContain(`glyphmill_engine_restarts_total{reason="${reason}"} 0`);
});

test('tells of the lanes', async () => {
  const { metrics, text } = openMetrics();
  // Not connected to yet.
  expect(await text()).not.toMatch(/^glyphmill_redis_up/m);
  metrics.observeLaneEvent({ type: 'redis_up' });
  metrics.observeLaneEvent({ type: 'lock_lost', jobId: 'a' });
  metrics.observeLaneEvent({ type: 'stalled', jobId: 'a' });
  metrics.observeLaneEvent({ type: 'stalled', jobId: 'b' });
  expect(await text()).toMatch(/glyphmill_redis_up\{.*\} 1/);
  metrics.observeLaneEvent({ type: 'renewals_failed', jobs: 3 });
  metrics.observeLaneEvent({ type: 'redis_down' });
  const scraped = await text();
  expect(scraped).toMatch(/glyphmill_redis_up\{.*\} 0/);
  expect(scraped).toMatch(/glyphmill_lock_lost_total\{.*\} 1/);
  expect(scraped).toMatch(/glyphmill_stalled_total\{.*\} 2/);
  expect(scraped).toMatch(/glyphmill_lock_renewals_failed_total\{.*\} 3/);
});

test('says what reads the pages', async () => {
  const { metrics, text } = openMetrics();
  metrics.setModel({
    name: 'tiny',
    provider: 'cpu',
    precision: 'int8',
    files: [
      { role: 'detector', sha256: '0123456789abcdef' },
      { role: 'recognizer', sha256: 'fedcba9876543210' },
    ],
  });
  const lines = (await text()).split('\n').filter((line) => line.startsWith('glyphmill_model_info{'));
  expect(lines).toEqual([
    'glyphmill_model_info{model="tiny",provider="cpu",precision="int8",role="detector",sha256="0123456789ab"} 1',
    'glyphmill_model_info{model="tiny",provider="cpu",precision="int8",role="recognizer",sha256="fedcba987654"} 1',
  ]);
});

test('says that the worker is leaving', async () => {
  const { text } = openMetrics();
  expect(await text()).toMatch(/glyphmill_worker_draining\{.*\} 0/);
  draining = true;
  expect(await text()).toMatch(/glyphmill_worker_draining\{.*\} 1/);
});

test('measures batches where there are any', async () => {
  const { metrics, text } = openMetrics();
  expect(await text()).not.toContain('glyphmill_batch_size_count');
  metrics.observeBatch({ model: 'recognizer', size: 5, fill: 0.85 });
  const scraped = await text();
  expect(scraped).toContain('glyphmill_batch_size_bucket{le="4",model="recognizer"} 0');
  expect(scraped).toContain('glyphmill_batch_size_bucket{le="8",model="recognizer"} 1');
  expect(scraped).toContain('glyphmill_batch_fill_ratio_sum{model="recognizer"} 0.85');
});
