import type { BatchLimits, BatchReport, ModelName, Precision, Provider } from '@glyphmill/ocr/pool';
import { createEnginePool, type EnginePool } from '@glyphmill/ocr/pool';
import type { BenchImage } from './image-set.ts';
import type { ReadImage } from './timed-run.ts';

/** Generous: a slow page is a finding, not a failure. */
const defaultPageTimeoutMs = 120_000;

export interface PoolOptions {
  readonly model: ModelName;
  readonly processes: number;
  /** Engines are recycled above it; by default never, so that growth shows. */
  readonly memoryLimitBytes?: number;
  readonly maxImageBytes?: number;
  readonly pageTimeoutMs?: number;
  readonly provider?: Provider;
  /** `auto` if not said. */
  readonly precision?: Precision;
  readonly batching?: BatchLimits | undefined;
  readonly widthStep?: number | undefined;
  readonly onBatch?: (batch: BatchReport) => void;
}

/** A pool whose processes have each read the image once: first runs allocate memory and are slower. */
export async function createWarmPool(options: PoolOptions, image: BenchImage | undefined): Promise<EnginePool> {
  const { memoryLimitBytes = 64e9, maxImageBytes = 20e6, pageTimeoutMs = defaultPageTimeoutMs } = options;
  const pool = await createEnginePool({
    ...options,
    pageTimeoutMs,
    memoryLimitBytes,
    limits: { maxImageBytes, maxImagePixels: 40e6 },
  });
  if (image !== undefined) await readInEachProcess(pool, image);
  return pool;
}

/** An image that cannot be read does its part as well. */
export async function readInEachProcess(pool: EnginePool, { bytes }: BenchImage): Promise<void> {
  await Promise.allSettled(Array.from({ length: pool.size }, () => pool.recognize(bytes)));
}

export function readThroughPool(pool: EnginePool): ReadImage {
  return async ({ file, bytes }) => ({ file, lines: (await pool.recognize(bytes)).lines });
}
