import { Counter, Gauge, Histogram, type Registry } from '@glyphmill/core/metrics';
import type { ClaimedJob, LaneEvent } from '@glyphmill/core/queue';
import type { PoolEvent, PoolStats } from '@glyphmill/ocr/pool';
import { type BatchObserver, createBatchMetrics } from './batch-metrics.ts';
import { createJobMetrics, type JobMetrics } from './job-metrics.ts';
import { createLaneMetrics } from './lane-metrics.ts';
import { createModelInfo, type LoadedModel } from './model-info.ts';
import { type PageRecord, stages } from './page-record.ts';

export interface WorkerMetrics extends Pick<JobMetrics, 'observeClaimFault'> {
  observePage(job: ClaimedJob, record: PageRecord): void;
  observeLaneEvent(event: LaneEvent): void;
  observePoolEvent(event: PoolEvent): void;
  readonly observeBatch: BatchObserver;
  readonly setModel: (model: LoadedModel) => void;
}

export interface WorkerMetricsOptions {
  readonly registry: Registry;
  /** Read at each scrape; undefined while the pool starts. */
  readonly poolStats: () => PoolStats | undefined;
  readonly heldImageBytes: () => number;
  readonly isDraining: () => boolean;
}

/** From a small image that is answered at once to a page that runs into its deadline. */
const stageBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30];

export function createWorkerMetrics(options: WorkerMetricsOptions): WorkerMetrics {
  const registers = [options.registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const pages = counter(
    'glyphmill_pages_total',
    'Runs of pages by how they ended: succeeded, discarded (another worker has it, or will) or an error code; runs that are tried again count',
    ['outcome', 'lane'],
  );
  const stageSeconds = new Histogram({
    name: 'glyphmill_page_stage_seconds',
    help: 'Time that pages spent in each stage: claim (of a durable job, its row), fetch, wait (for an engine), decode, detect, classify, recognize, draw (previews), engine (all from decode to draw), keep (previews stored), store',
    labelNames: ['stage'],
    buckets: stageBuckets,
    registers,
  });
  const imageBytes = counter('glyphmill_page_image_bytes_total', 'Bytes of encoded images that were read');
  const pixels = counter('glyphmill_page_pixels_total', 'Pixels of upright images that were read');
  const lines = counter('glyphmill_page_lines_total', 'Lines of text that were found');
  const restarts = counter('glyphmill_engine_restarts_total', 'Engine processes that ended and were replaced', [
    'reason',
  ]);
  // From the first scrape on: a series that begins with its first event hides that event from every rate.
  for (const reason of restartReasons) restarts.inc({ reason }, 0);
  const retried = counter('glyphmill_pages_retried_total', 'Pages tried again since their engine process ended');
  registerGauges(options);
  const jobs = createJobMetrics(options.registry);

  return {
    observeClaimFault: (code) => {
      jobs.observeClaimFault(code);
    },
    observeBatch: createBatchMetrics(options.registry),
    setModel: createModelInfo(options.registry),
    observeLaneEvent: createLaneMetrics(options.registry, jobs),
    observePage(job, record) {
      const { lane } = job;
      jobs.observeRun(job, record);
      pages.inc({ outcome: record.outcome, lane });
      imageBytes.inc(record.bytes);
      pixels.inc(record.pixels);
      lines.inc(record.lines);
      for (const stage of stages) {
        const durationMs = record.stageMs[stage];
        if (durationMs !== undefined) stageSeconds.observe({ stage }, durationMs / 1000);
      }
    },
    observePoolEvent({ type, reason }) {
      if (type === 'process_exited') restarts.inc({ reason: boundedReason(reason) });
      else if (type === 'page_retried') retried.inc();
    },
  };
}

export const restartReasons = [
  'page_timeout',
  'cancel_timeout',
  'start_timeout',
  'start_failed',
  'lines_timeout',
  'memory',
  'protocol',
  'spawn',
  'SIGKILL',
  'SIGSEGV',
  'SIGABRT',
  'SIGBUS',
  'exit',
  'other',
] as const;
const reasons: ReadonlySet<string> = new Set(restartReasons);

/** Exit codes and rare signals are told apart in the log, not by labels. */
function boundedReason(reason: string | undefined): string {
  if (reason === undefined) return 'other';
  if (reason.startsWith('exit')) return 'exit';
  return reasons.has(reason) ? reason : 'other';
}

function registerGauges({ registry, poolStats, heldImageBytes, isDraining }: WorkerMetricsOptions): void {
  registry.registerMetric(
    new Gauge({
      name: 'glyphmill_engine_processes',
      help: 'Engine processes by state; those that start count as busy',
      labelNames: ['state'],
      registers: [],
      collect() {
        const stats = poolStats();
        this.set({ state: 'idle' }, stats?.idle ?? 0);
        this.set({ state: 'busy' }, stats?.busy ?? 0);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'glyphmill_engine_rss_bytes',
      help: 'Resident memory of each engine process after its last page; engine numbers them from 0',
      labelNames: ['engine'],
      registers: [],
      collect() {
        this.reset();
        poolStats()?.rssBytes.forEach((bytes, engine) => this.set({ engine }, bytes));
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: 'glyphmill_engine_cpu_seconds_total',
      help: 'Processor time of all engine processes, past ones included',
      registers: [],
      collect() {
        this.reset();
        this.inc(poolStats()?.cpuSeconds ?? 0);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: 'glyphmill_helped_lines_total',
      help: 'Lines of text that an engine process without a page read for one that had a page',
      registers: [],
      collect() {
        this.reset();
        this.inc(poolStats()?.helpedLines ?? 0);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'glyphmill_held_image_bytes',
      help: 'Room claimed for encoded images in memory',
      registers: [],
      collect() {
        this.set(heldImageBytes());
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'glyphmill_worker_draining',
      help: '1 from the signal to stop on: no more jobs are taken, held ones are finished or given back',
      registers: [],
      collect() {
        this.set(isDraining() ? 1 : 0);
      },
    }),
  );
}
