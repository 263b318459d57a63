import type { ModelName } from '@glyphmill/ocr/pool';
import type { BenchImage } from '../image-set.ts';
import { sumCpuSeconds } from '../proc-stat.ts';
import { timeRun } from '../timed-run.ts';
import { createWarmPool, readThroughPool } from '../warm-pool.ts';
import type { Contender } from './contender.ts';
import { createMeter } from './meter.ts';
import { ownName } from './own-name.ts';

/** Our own engine pool twice, warmed up on one image: with as many pages as engines, and with one page at a time. */
export async function createOwnContenders(
  model: ModelName,
  { processes, warmUp }: { readonly processes: number; readonly warmUp: BenchImage | undefined },
): Promise<readonly [saturated: Contender, oneByOne: Contender]> {
  const name = await ownName(model);
  const pool = await createWarmPool({ model, processes }, warmUp);
  const read = readThroughPool(pool);
  const contender = (role: Contender['role'], concurrency: number): Contender => {
    // This process, which owns the pool, is paid for too; its memory is not, since it holds all images.
    const cpuSeconds = (): number => sumCpuSeconds([process.pid, ...pool.stats().pids]);
    const meter = createMeter({ pids: () => pool.stats().pids, cpuSeconds });
    return {
      name,
      role,
      run: (images) => meter.measure(() => timeRun(images, concurrency, read)),
      usage: meter.usage,
      close: () => pool.close(),
    };
  };
  return [contender('saturation', processes), contender('latency', 1)];
}
