import type { Logger } from '@glyphmill/core/logging';
import {
  createEnginePool,
  type EngineFit,
  type EnginePool,
  type EnginePoolOptions,
  fitEngines,
  type PrecisionChoice,
  type Provider,
  usablePrecision,
} from '@glyphmill/ocr/pool';
import { isEngineError } from './page-error.ts';
import type { WorkerSettings } from './worker-settings.ts';

/** Pages of a usual size; larger ones get a process replaced, which costs a second. With CUDA its libraries count, too. */
const memoryLimitBytes: Readonly<Record<Provider, number>> = { cpu: 1e9, cuda: 8e9 };

export type EnginePlan = Pick<
  EnginePoolOptions,
  'processes' | 'threads' | 'provider' | 'batching' | 'gpuMemoryLimitBytes' | 'visibleDevices' | 'memoryLimitBytes'
> & {
  /** What decided how many there are, for the log. */
  readonly reason: string;
};

const asSet = 'ENGINE_PROCESSES';

function cpuEngines({ MODEL, ENGINE_PROCESSES: processes }: WorkerSettings): EngineFit {
  return processes === undefined ? fitEngines(MODEL) : { processes, threads: 1, reason: asSet };
}

/** What engines of a provider are like under these settings: one for each core, or one for each GPU with batches. */
export function planEngines(settings: WorkerSettings, provider: Provider = settings.ENGINE_PROVIDER): EnginePlan {
  const memory = { memoryLimitBytes: settings.ENGINE_MEMORY_LIMIT ?? memoryLimitBytes[provider] };
  switch (provider) {
    case 'cpu':
      return { provider, ...cpuEngines(settings), ...memory };
    case 'cuda':
      return {
        provider,
        processes: settings.ENGINE_PROCESSES ?? 1,
        reason: settings.ENGINE_PROCESSES === undefined ? 'one GPU' : asSet,
        batching: { maxBatchSize: settings.MAX_BATCH_SIZE, maxQueueDelayMs: settings.MAX_QUEUE_DELAY_MS },
        gpuMemoryLimitBytes: settings.GPU_MEMORY_LIMIT,
        visibleDevices: settings.CUDA_VISIBLE_DEVICES,
        ...memory,
      };
  }
}

export interface OpenEngines {
  readonly pool: EnginePool;
  readonly provider: Provider;
  readonly precision: PrecisionChoice['precision'];
}

export interface OpenEnginesOptions {
  readonly settings: WorkerSettings;
  readonly logger: Logger;
  readonly onEvent: NonNullable<EnginePoolOptions['onEvent']>;
  readonly onBatch: NonNullable<EnginePoolOptions['onBatch']>;
}

/**
 * Starts the engines, and says what they run on. A GPU that cannot be used is an error, since a worker that is a hundred
 * times slower than planned helps nobody, unless ENGINE_FALLBACK allows it.
 *
 * Rejects with EngineError.
 */
export async function openEngines(options: OpenEnginesOptions): Promise<OpenEngines> {
  const { settings, logger } = options;
  const provider = settings.ENGINE_PROVIDER;
  try {
    return await openPool(options, planEngines(settings));
  } catch (error) {
    const isUnavailable = isEngineError(error) && error.code === 'provider_unavailable';
    if (!isUnavailable || provider === 'cpu' || settings.ENGINE_FALLBACK !== 'cpu') throw error;
    logger.warn({ provider, reason: error.message }, 'The engines run on the CPU instead, as ENGINE_FALLBACK allows');
    // How many processes were wanted was said of GPUs.
    const plan = planEngines({ ...settings, ENGINE_PROCESSES: undefined }, 'cpu');
    return openPool(options, plan);
  }
}

async function openPool(
  { settings, logger, onEvent, onBatch }: OpenEnginesOptions,
  { reason, ...plan }: EnginePlan,
): Promise<OpenEngines> {
  const { provider = 'cpu', processes, threads } = plan;
  logger.info({ provider, processes, threads, reason }, 'The number of engines is chosen');
  const chosen = usablePrecision(settings.MODEL_PRECISION, provider);
  logger.info(chosen, 'The precision of the models is chosen');
  const { precision } = chosen;
  const pool = await createEnginePool({
    ...plan,
    model: settings.MODEL,
    precision,
    limits: { maxImageBytes: settings.MAX_IMAGE_BYTES, maxImagePixels: settings.MAX_IMAGE_PIXELS },
    minConfidence: settings.MIN_CONFIDENCE,
    pageTimeoutMs: settings.PAGE_TIMEOUT_MS,
    onEvent,
    onBatch,
  });
  return { pool, provider, precision };
}
