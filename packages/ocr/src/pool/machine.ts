import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';

/** What this process may use of the machine that it runs on. */
export interface Machine {
  /** As the processor calls itself; empty where it does not. */
  readonly processor: string;
  /** Processors that the process may run on. */
  readonly logicalCores: number;
  /** The same, those counted once that share the units of one core (SMT). */
  readonly physicalCores: number;
  /** Cores' worth of time that the control group grants; Infinity without a limit. */
  readonly cpuQuota: number;
  /** What the control group may use, or what the machine has. */
  readonly memoryBytes: number;
}

type ReadText = (file: string) => string;
const readText: ReadText = (file) => readFileSync(file, 'utf8');

/** Takes milliseconds. Where the system tells nothing (no Linux), all processors are cores, and nothing is limited. */
export function readMachine(): Machine {
  const logicalCores = availableParallelism();
  return {
    processor: cpus()[0]?.model.trim() ?? '',
    logicalCores,
    physicalCores: physicalCores(readText, logicalCores),
    cpuQuota: cgroupQuota(readText),
    memoryBytes: usableMemory(readText, totalmem()),
  };
}

/**
 * Cores among the processors that this process may run on: the networks keep the arithmetic units of a core busy, so
 * that a second thread of the same core adds next to nothing.
 */
export function physicalCores(read: ReadText, logicalCores: number): number {
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(attempt(read, '/proc/self/status'))?.[1];
  if (allowed === undefined) return logicalCores;
  const cores = parseList(allowed).map((cpu) => {
    const siblings = attempt(read, `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`).trim();
    return siblings === '' ? String(cpu) : siblings;
  });
  return Math.max(1, Math.min(logicalCores, new Set(cores).size));
}

/** Cores' worth of time that the control group grants (v2, then v1); Infinity without a limit. */
export function cgroupQuota(read: ReadText): number {
  const numbers = (file: string): number[] => {
    const text = attempt(read, file).trim();
    return text === '' ? [] : text.split(/\s+/).map(Number);
  };
  const [max, period] = numbers('/sys/fs/cgroup/cpu.max');
  if (max !== undefined && period !== undefined) return Number.isNaN(max) ? Infinity : max / period;
  const [quotaV1] = numbers('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
  const [periodV1] = numbers('/sys/fs/cgroup/cpu/cpu.cfs_period_us');
  if (quotaV1 === undefined || periodV1 === undefined || quotaV1 <= 0) return Infinity;
  return quotaV1 / periodV1;
}

/** Bytes that the control group may use (v2, then v1), or `total`. */
export function usableMemory(read: ReadText, total: number): number {
  for (const file of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    const text = attempt(read, file).trim();
    if (text === '') continue;
    // Version 2 says "max" where there is no limit, version 1 a number beyond any machine.
    const limit = Number(text);
    return Number.isNaN(limit) ? total : Math.min(limit, total);
  }
  return total;
}

/** Of another version, or of a system without it: empty. */
function attempt(read: ReadText, file: string): string {
  try {
    return read(file);
  } catch {
    return '';
  }
}

/** The kernel's lists: `0-3,8`. */
function parseList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}
