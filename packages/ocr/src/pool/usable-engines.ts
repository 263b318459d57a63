import type { ModelName } from '../types.ts';
import { type Machine, readMachine } from './machine.ts';

const megabyte = 1024 * 1024;
/** The most that an engine was seen to hold, pages of any shape read (docs/performance.md), and some room. */
const engineBytes: Readonly<Record<ModelName, number>> = { small: 700 * megabyte, tiny: 450 * megabyte };
/** For the process that has the engines, and for what it holds for them. */
const parentBytes = 400 * megabyte;

/**
 * More threads than this in one operator gain little: the parts of the networks' many small operators become so short
 * that waking the threads takes as long.
 */
export const maxThreads = 8;

/** How many engine processes, with how many threads in each. */
export interface EngineFit {
  readonly processes: number;
  readonly threads: number;
  /** For people: what decided it. */
  readonly reason: string;
}

/**
 * Engines for a machine: one process of one thread for each physical core within the quota, since pages in parallel scale
 * better than threads in a page; fewer processes, of more threads each, where the memory does not hold so many, since
 * the kernel kills whatever it likes when that runs out. At least one.
 */
export function fitEngines(model: ModelName, machine: Machine = readMachine()): EngineFit {
  const { physicalCores, cpuQuota, memoryBytes } = machine;
  // What is left of a quota of 3.5 is for the process that has the engines.
  const cores = Math.max(1, Math.min(physicalCores, Math.floor(cpuQuota)));
  const fitting = Math.max(1, Math.floor((memoryBytes - parentBytes) / engineBytes[model]));
  const processes = Math.min(cores, fitting);
  const threads = Math.min(maxThreads, Math.floor(cores / processes));
  return { processes, threads, reason: reasonOf(machine, { cores, fitting }) };
}

function reasonOf(machine: Machine, { cores, fitting }: { cores: number; fitting: number }): string {
  const { logicalCores, physicalCores, cpuQuota, memoryBytes } = machine;
  const counted = physicalCores === 1 ? '1 core' : `${physicalCores} cores`;
  const ofProcessors = physicalCores < logicalCores ? `${counted} of ${logicalCores} threads` : counted;
  const ofCores = cores < physicalCores || cpuQuota < 1 ? `a CPU quota of ${cpuQuota}` : ofProcessors;
  if (fitting >= cores) return ofCores;
  return `${ofCores}, and ${Math.round(memoryBytes / megabyte)} MiB of memory, which hold ${fitting}`;
}
