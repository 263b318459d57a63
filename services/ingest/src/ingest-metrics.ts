import { Counter, Gauge, Histogram, type Registry } from '@glyphmill/core/metrics';

/**
 * `accepted`: a job was made; `known`: its bytes have a job; `retried`: that job had failed and runs once more;
 * `changed`: it was being written; `unfinished`: it looks as if it were; `gone`: it vanished; an error's code: it could
 * not be read; `moved`, `move_failed`: what came of it afterwards.
 */
export const fileOutcomes = [
  'accepted',
  'known',
  'retried',
  'changed',
  'unfinished',
  'gone',
  'image_unreadable',
  'image_too_large',
  'moved',
  'move_failed',
] as const;
export type FileOutcome = (typeof fileOutcomes)[number];

export interface IngestMetrics {
  readonly files: Counter<'outcome'>;
  readonly bytes: Counter;
  /** Jobs that the queue could not take; the API's reconciler sends them. */
  readonly sendsGivenUp: Counter;
  readonly scanSeconds: Histogram;
  readonly scannedAt: Gauge;
}

/** Of what is undefined nothing is told. */
export interface IngestGauges {
  readonly isPaused: boolean;
  readonly isLeading: boolean;
  readonly waiting?: number | undefined;
  readonly unfinished?: number | undefined;
  readonly images?: number | undefined;
  readonly ignored?: number | undefined;
  readonly isReadable?: boolean | undefined;
}

export interface IngestMetricsOptions {
  readonly registry: Registry;
  /** Read at each scrape. */
  readonly gauges: () => IngestGauges;
}

const leaderOnly = 'Told by the process that takes files, once it has looked';

export function createIngestMetrics({ registry, gauges }: IngestMetricsOptions): IngestMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string, read: (values: IngestGauges) => number | undefined) => {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          const value = read(gauges());
          if (value === undefined) this.remove();
          else this.set(value);
        },
      }),
    );
  };
  gauge(
    'glyphmill_ingest_waiting_files',
    `Images that were seen in the inbox and not taken yet. ${leaderOnly}`,
    (now) => now.waiting,
  );
  gauge(
    'glyphmill_ingest_unfinished_jobs',
    `Jobs of the inbox that have not ended. ${leaderOnly}`,
    (now) => now.unfinished,
  );
  gauge('glyphmill_ingest_seen_images', `Images in the inbox, by the last scan. ${leaderOnly}`, (now) => now.images);
  gauge(
    'glyphmill_ingest_ignored_files',
    `Other files in the inbox, by the last scan. ${leaderOnly}`,
    (now) => now.ignored,
  );
  gauge('glyphmill_ingest_paused', '1 while no files are taken since somebody said so', (now) => Number(now.isPaused));
  gauge('glyphmill_ingest_leader', '1 in the one process that takes files; summed over all it should be 1', (now) =>
    Number(now.isLeading),
  );
  gauge('glyphmill_ingest_inbox_readable', `0 while the inbox cannot be read. ${leaderOnly}`, ({ isReadable }) =>
    isReadable === undefined ? undefined : Number(isReadable),
  );
  const scannedAt = new Gauge({
    name: 'glyphmill_ingest_last_scan_timestamp_seconds',
    help: 'When the whole inbox was last scanned by this process',
    registers,
  });
  // Not in 1970.
  scannedAt.remove();
  return {
    files: new Counter({
      name: 'glyphmill_ingest_files_total',
      help: 'Files of the inbox by what came of a look at them: accepted (a job was made), known (its bytes have a job), retried (that job had failed and runs once more), changed (it was being written), unfinished (it looks as if it were), gone, an error code, moved, move_failed',
      labelNames: ['outcome'],
      registers,
    }),
    bytes: new Counter({
      name: 'glyphmill_ingest_copied_bytes_total',
      help: 'Bytes of files that were copied and hashed',
      registers,
    }),
    sendsGivenUp: new Counter({
      name: 'glyphmill_ingest_sends_given_up_total',
      help: 'Jobs that could not be put into the queue after they were made, and were left to the reconciler',
      registers,
    }),
    scanSeconds: new Histogram({
      name: 'glyphmill_ingest_scan_seconds',
      help: 'Time that scans of the whole inbox took',
      buckets: [0.01, 0.05, 0.2, 1, 5, 20, 60, 300],
      registers,
    }),
    scannedAt,
  };
}
