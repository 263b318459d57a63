import type { BenchImage } from './image-set.ts';
import { watchMemory, type PeakMemory } from './proc-stat.ts';
import { timeRun, type TimedRun } from './timed-run.ts';
import { createWarmPool, readThroughPool, type PoolOptions } from './warm-pool.ts';

export interface PoolMeasurement {
  readonly run: TimedRun;
  /** Engine processes alone. */
  readonly engineMemory: PeakMemory;
  readonly parentPeakBytes: number;
  readonly engineCpuSeconds: number;
  readonly parentCpuSeconds: number;
}

/** Reads all images through an engine pool, as many at the same time as it has processes. */
export async function measurePool(images: readonly BenchImage[], options: PoolOptions): Promise<PoolMeasurement> {
  const pool = await createWarmPool(options, images[0]);
  try {
    const memory = watchMemory(() => pool.stats().pids);
    const parent = watchMemory(() => [process.pid]);
    const [engineBefore, parentBefore] = [pool.stats().cpuSeconds, process.cpuUsage()];
    const run = await timeRun(images, options.processes, readThroughPool(pool));
    const { user, system } = process.cpuUsage(parentBefore);
    return {
      run,
      engineMemory: memory.stop(),
      parentPeakBytes: parent.stop().sum,
      engineCpuSeconds: pool.stats().cpuSeconds - engineBefore,
      parentCpuSeconds: (user + system) / 1e6,
    };
  } finally {
    await pool.close();
  }
}
