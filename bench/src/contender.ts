import type { ModelName } from '@glyphmill/ocr/pool';
import type { BenchImage, Prediction } from './image-set.ts';
import { watchMemory } from './proc-stat.ts';
import { timeRun } from './timed-run.ts';
import { createWarmPool, readThroughPool } from './warm-pool.ts';

/** One who takes part in the race; its models stay loaded between rounds. */
export interface Contender {
  readonly name: string;
  /** Reads images as fast as it can; reading the files is not counted. */
  run(
    images: readonly BenchImage[],
  ): Promise<{ readonly seconds: number; readonly predictions: readonly Prediction[] }>;
  /** Highest resident memory of all its processes together, in bytes. */
  readonly peakBytes: () => number;
  close(): Promise<void>;
}

/** Our own engine pool, warmed up on one image. */
export async function createOwnContender(
  model: ModelName,
  { threads, warmUp }: { readonly threads: number; readonly warmUp: BenchImage | undefined },
): Promise<Contender> {
  const pool = await createWarmPool({ model, processes: threads }, warmUp);
  const read = readThroughPool(pool);
  let peak = 0;
  return {
    name: `glyphmill ${model}`,
    async run(images) {
      const memory = watchMemory(() => pool.stats().pids);
      const run = await timeRun(images, threads, read);
      peak = Math.max(peak, memory.stop().sum);
      const [failure] = run.failures;
      if (failure !== undefined) throw new Error(`glyphmill ${model}: ${failure.file}: ${failure.reason}`);
      return run;
    },
    peakBytes: () => peak,
    close: () => pool.close(),
  };
}
