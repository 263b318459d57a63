import type { Usage } from './contender.ts';
import { watchMemory } from '../proc-stat.ts';

export interface Meter {
  /** Counts what the processes use meanwhile. */
  measure<T>(work: () => Promise<T>): Promise<T>;
  /** Of all that was measured so far. */
  readonly usage: () => Usage;
}

/** Meters some processes, which may change from one piece of work to the next. */
export function createMeter({
  pids,
  cpuSeconds,
}: {
  readonly pids: () => readonly number[];
  readonly cpuSeconds: () => number;
}): Meter {
  let total: Usage = { peakBytes: 0, peakBytesEach: [], cpuSeconds: 0 };
  return {
    async measure(work) {
      const memory = watchMemory(pids);
      const before = cpuSeconds();
      try {
        return await work();
      } finally {
        const { sum, each } = memory.stop();
        total = {
          peakBytes: Math.max(total.peakBytes, sum),
          peakBytesEach: each.length === 0 ? total.peakBytesEach : each,
          cpuSeconds: total.cpuSeconds + cpuSeconds() - before,
        };
      }
    },
    usage: () => total,
  };
}
