import type { ModelName } from '@glyphmill/ocr/pool';
import { createEnginePool, type EnginePool } from '@glyphmill/ocr/pool';
import type { BenchImage } from './image-set.ts';
import type { ReadImage } from './timed-run.ts';

/** Generous: a slow page is a finding, not a failure. */
const pageTimeoutMs = 120_000;

export interface PoolOptions {
  readonly model: ModelName;
  readonly processes: number;
  /** Engines are recycled above it; by default never, so that growth shows. */
  readonly memoryLimitBytes?: number;
  readonly maxImageBytes?: number;
}

/** A pool whose processes have each read the image once: first runs allocate memory and are slower. */
export async function createWarmPool(options: PoolOptions, image: BenchImage | undefined): Promise<EnginePool> {
  const { model, processes, memoryLimitBytes = 64e9, maxImageBytes = 20e6 } = options;
  const pool = await createEnginePool({
    model,
    processes,
    pageTimeoutMs,
    memoryLimitBytes,
    limits: { maxImageBytes, maxImagePixels: 40e6 },
  });
  if (image !== undefined)
    await Promise.allSettled(Array.from({ length: processes }, () => pool.recognize(image.bytes)));
  return pool;
}

export function readThroughPool(pool: EnginePool): ReadImage {
  return async ({ file, bytes }) => ({ file, lines: (await pool.recognize(bytes)).lines });
}
