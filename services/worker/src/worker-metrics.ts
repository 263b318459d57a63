import { Counter, Gauge, Histogram, type Registry } from '@glyphmill/core/metrics';
import type { ClaimedJob, LaneEvent } from '@glyphmill/core/queue';
import type { PoolEvent, PoolStats } from '@glyphmill/ocr/pool';
import { type PageRecord, stages } from './page-record.ts';

export interface WorkerMetrics {
  observePage(job: ClaimedJob, record: PageRecord): void;
  observeLaneEvent(event: LaneEvent): void;
  observePoolEvent(event: PoolEvent): void;
}

export interface WorkerMetricsOptions {
  readonly registry: Registry;
  /** Read at each scrape; undefined while the pool starts. */
  readonly poolStats: () => PoolStats | undefined;
  readonly heldImageBytes: () => number;
}

/** From a small image that is answered at once to a page that runs into its deadline. */
const stageBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30];

export function createWorkerMetrics(options: WorkerMetricsOptions): WorkerMetrics {
  const registers = [options.registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const pages = counter('glyphmill_pages_total', 'Pages by how they ended: succeeded, discarded or an error code', [
    'outcome',
    'lane',
  ]);
  const stageSeconds = new Histogram({
    name: 'glyphmill_page_stage_seconds',
    help: 'Time that pages spent in each stage; engine holds decode to recognize',
    labelNames: ['stage'],
    buckets: stageBuckets,
    registers,
  });
  const imageBytes = counter('glyphmill_page_image_bytes_total', 'Bytes of encoded images that were read');
  const lines = counter('glyphmill_page_lines_total', 'Lines of text that were found');
  const restarts = counter('glyphmill_engine_restarts_total', 'Engine processes that ended and were replaced', [
    'reason',
  ]);
  const retried = counter('glyphmill_pages_retried_total', 'Pages tried again since their engine process ended');
  const lockLost = counter('glyphmill_lock_lost_total', 'Jobs that another worker may have taken over from this one');
  const stalled = counter('glyphmill_stalled_total', 'Jobs of lost workers that this one put back into the queue');
  const redisUp = new Gauge({ name: 'glyphmill_redis_up', help: '1 while connected to Redis', registers });
  registerPoolGauges(options);

  return {
    observePage({ lane }, record) {
      pages.inc({ outcome: record.outcome, lane });
      imageBytes.inc(record.bytes);
      lines.inc(record.lines);
      for (const stage of stages) {
        const durationMs = record.stageMs[stage];
        if (durationMs !== undefined) stageSeconds.observe({ stage }, durationMs / 1000);
      }
    },
    observeLaneEvent({ type }) {
      if (type === 'lock_lost') lockLost.inc();
      else if (type === 'stalled') stalled.inc();
      else redisUp.set(type === 'redis_up' ? 1 : 0);
    },
    observePoolEvent({ type, reason }) {
      if (type === 'process_exited') restarts.inc({ reason: boundedReason(reason) });
      else if (type === 'page_retried') retried.inc();
    },
  };
}

const reasons: ReadonlySet<string> = new Set([
  'page_timeout',
  'cancel_timeout',
  'start_timeout',
  'start_failed',
  'memory',
  'protocol',
  'spawn',
  'SIGKILL',
  'SIGSEGV',
  'SIGABRT',
  'SIGBUS',
]);

/** Exit codes and rare signals are told apart in the log, not by labels. */
function boundedReason(reason: string | undefined): string {
  if (reason === undefined) return 'other';
  if (reason.startsWith('exit')) return 'exit';
  return reasons.has(reason) ? reason : 'other';
}

function registerPoolGauges({ registry, poolStats, heldImageBytes }: WorkerMetricsOptions): void {
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
    new Gauge({
      name: 'glyphmill_held_image_bytes',
      help: 'Room claimed for encoded images in memory',
      registers: [],
      collect() {
        this.set(heldImageBytes());
      },
    }),
  );
}
