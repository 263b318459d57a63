import { createLogger } from '../packages/core/src/logging.ts';
import { createRegistry, type Registry } from '../packages/core/src/metrics.ts';
import { createStoreCallSeconds } from '../packages/core/src/store-metrics.ts';
import { createApiMetrics } from '../services/api/src/api-metrics.ts';
import { createUpkeepMetrics } from '../services/api/src/upkeep/upkeep-metrics.ts';
import { countWebhooks } from '../services/api/src/upkeep/webhook-counter.ts';
import { createIngestMetrics } from '../services/ingest/src/ingest-metrics.ts';
import { createWebMetrics } from '../services/web/src/web-metrics.ts';
import { createDurableMetrics } from '../services/worker/src/durable/durable-metrics.ts';
import { createWorkerMetrics } from '../services/worker/src/worker-metrics.ts';

export const measuredServices = ['api', 'worker', 'ingest', 'web'] as const;
export type MeasuredService = (typeof measuredServices)[number];

/** All that each service tells, for looking at and not for scraping: there is nothing behind it. */
export function serviceRegistries(): Readonly<Record<MeasuredService, Registry>> {
  return { api: apiRegistry(), worker: workerRegistry(), ingest: ingestRegistry(), web: webRegistry() };
}

const nothing = () => Promise.reject(new Error('These registries are not for scraping'));

function apiRegistry(): Registry {
  const registry = createRegistry('api');
  createApiMetrics({
    registry,
    queue: { stats: nothing },
    awaiter: { recoveries: 0 },
    logger: createLogger({ service: 'api', level: 'silent' }),
  });
  createUpkeepMetrics({
    registry,
    store: { countByState: nothing, countPendingEvents: nothing },
    isLeading: () => false,
  });
  countWebhooks(registry);
  createStoreCallSeconds(registry);
  return registry;
}

function workerRegistry(): Registry {
  const registry = createRegistry('worker');
  createWorkerMetrics({ registry, poolStats: () => undefined, heldImageBytes: () => 0, isDraining: () => false });
  createDurableMetrics({ registry, isStoreAway: () => false, areUploadsAway: () => false, waiting: () => 0 });
  return registry;
}

function ingestRegistry(): Registry {
  const registry = createRegistry('ingest');
  createIngestMetrics({
    registry,
    gauges: () => {
      throw new Error('These registries are not for scraping');
    },
  });
  createStoreCallSeconds(registry);
  return registry;
}

function webRegistry(): Registry {
  const registry = createRegistry('web');
  createWebMetrics(registry);
  return registry;
}
