import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { ModelName } from '../types.ts';
import { usableCores } from './usable-cores.ts';

const megabyte = 1024 * 1024;
/** The most that an engine was seen to hold, pages of any shape read (docs/performance.md), and some room. */
const engineBytes: Readonly<Record<ModelName, number>> = { small: 700 * megabyte, tiny: 450 * megabyte };
/** For the process that has the engines, and for what it holds for them. */
const parentBytes = 400 * megabyte;

/**
 * Engine processes that may run here: one for each core, and no more than the memory holds, since the kernel kills
 * whatever it likes when that runs out. At least one.
 */
export function usableEngines(model: ModelName, { cores = usableCores(), memoryBytes = usableMemory() } = {}): number {
  const fitting = Math.floor((memoryBytes - parentBytes) / engineBytes[model]);
  return Math.max(1, Math.min(cores, fitting));
}

/** Bytes that the control group may use (v2, then v1), or that the machine has. */
export function usableMemory(read = (file: string): string => readFileSync(file, 'utf8'), total = totalmem()): number {
  for (const file of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    try {
      const limit = Number(read(file).trim());
      // Version 2 says "max" where there is no limit, version 1 a number beyond any machine.
      return Number.isNaN(limit) ? total : Math.min(limit, total);
    } catch {
      // Another version, or no control groups.
    }
  }
  return total;
}
