import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time in these for every program, whatever the kernel's own tick is (USER_HZ). */
const ticksPerSecond = 100;

export interface CpuSeconds {
  /** The process itself. */
  readonly own: number;
  /** Its children that have ended and were waited for. */
  readonly endedChildren: number;
}

/** CPU time of a process so far; zero when it is gone. */
export function readCpuSeconds(pid: number): CpuSeconds {
  const fields = readStat(pid);
  const seconds = (...indexes: number[]): number =>
    indexes.reduce((sum, index) => sum + Number(fields[index] ?? 0), 0) / ticksPerSecond;
  return { own: seconds(11, 12), endedChildren: seconds(13, 14) };
}

/** CPU time of some processes so far, without their children. */
export function sumCpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readCpuSeconds(pid).own, 0);
}

/** Fields of /proc/<pid>/stat after the name, which may hold spaces and parentheses; the first is the state. */
function readStat(pid: number): string[] {
  const stat = readProc(`${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readProc(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    // The process has ended.
    return '';
  }
}

/** Processes that a process has started and that still run. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((candidate) => candidate > 0 && Number(readStat(candidate)[1]) === pid);
}

/** Resident memory now and at its highest, in bytes; zero when the process is gone. */
export function readMemory(pid: number): { readonly rss: number; readonly peak: number } {
  const status = readProc(`${pid}/status`);
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  const rss = bytes('VmRSS');
  return { rss, peak: Math.max(rss, bytes('VmHWM')) };
}

export interface PeakMemory {
  /** Bytes of all processes together at the same moment (as sampled). */
  readonly sum: number;
  /** Bytes of each process at its own highest, in the order of `pids()`. */
  readonly each: readonly number[];
}

const sampleIntervalMs = 200;

/** Watches the memory of some processes, which may change, until `stop` is called. */
export function watchMemory(pids: () => readonly number[]): { stop(): PeakMemory } {
  const peaks = new Map<number, number>();
  let sum = 0;
  const sample = (): void => {
    const memory = pids().map((pid) => ({ pid, ...readMemory(pid) }));
    sum = Math.max(
      sum,
      memory.reduce((total, { rss }) => total + rss, 0),
    );
    for (const { pid, peak } of memory) peaks.set(pid, Math.max(peak, peaks.get(pid) ?? 0));
  };
  sample();
  const timer = setInterval(sample, sampleIntervalMs);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return { sum, each: [...peaks.values()] };
    },
  };
}
