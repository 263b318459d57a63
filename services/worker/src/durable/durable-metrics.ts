import { Counter, Gauge, type Registry } from '@glyphmill/core/metrics';
import { createStoreCallSeconds } from '@glyphmill/core/store-metrics';
import type { DurableOutcome } from './durable-page.ts';

export interface DurableMetrics {
  observeOutcome(outcome: DurableOutcome): void;
  /** A call of the store that worked, without the time that was waited before. */
  observeCall(operation: string, durationMs: number): void;
  observeWait(durationMs: number): void;
  observePicturesLost(): void;
}

export interface DurableMetricsOptions {
  readonly registry: Registry;
  /** All read at each scrape; of what is not known yet nothing is told. */
  readonly isStoreAway: () => boolean | undefined;
  readonly areUploadsAway: () => boolean | undefined;
  readonly waiting: () => number;
}

export function createDurableMetrics(options: DurableMetricsOptions): DurableMetrics {
  const { registry } = options;
  const registers = [registry];
  const runs = new Counter({
    name: 'glyphmill_durable_runs_total',
    help: 'Runs of durable jobs by how they ended: stored, failed, retried (it is queued for another attempt), released (given back), canceled, late (ended or taken over by somebody else), refused (the store has a fault that does not pass), outdated (there was nothing to run)',
    labelNames: ['outcome'],
    registers,
  });
  const callSeconds = createStoreCallSeconds(registry);
  const waitSeconds = new Counter({
    name: 'glyphmill_store_wait_seconds_total',
    help: 'Time that jobs waited for a store that was away or full',
    registers,
  });
  const picturesLost = new Counter({
    name: 'glyphmill_pictures_lost_total',
    help: 'Pages that were stored without their pictures, as these could not be kept; for a minute after each, pages are not drawn and do not count',
    registers,
  });
  registerGauges(options);
  return {
    observeOutcome(outcome) {
      runs.inc({ outcome });
    },
    observeCall(operation, durationMs) {
      callSeconds.observe({ operation }, durationMs / 1000);
    },
    observeWait(durationMs) {
      waitSeconds.inc(durationMs / 1000);
    },
    observePicturesLost() {
      picturesLost.inc();
    },
  };
}

function registerGauges({ registry, isStoreAway, areUploadsAway, waiting }: DurableMetricsOptions): void {
  const tellUp = (name: string, help: string, isAway: () => boolean | undefined): void => {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          const away = isAway();
          if (away === undefined) this.remove();
          else this.set(away ? 0 : 1);
        },
      }),
    );
  };
  tellUp(
    'glyphmill_store_up',
    '0 while the database is away or does not answer within a second; nothing before it was first asked',
    isStoreAway,
  );
  tellUp(
    'glyphmill_uploads_up',
    '0 while the place of uploads, a folder or an object store, is known to be away or does not answer within a second',
    areUploadsAway,
  );
  registry.registerMetric(
    new Gauge({
      name: 'glyphmill_store_waiting_jobs',
      help: 'Jobs that wait for a database that is away or full, or for the place of uploads',
      registers: [],
      collect() {
        this.set(waiting());
      },
    }),
  );
}
