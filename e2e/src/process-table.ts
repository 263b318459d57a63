import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel tells of processes; Linux only, as the faults of these tests are. */

interface Stat {
  readonly state: string;
  readonly parent: number;
  /** User and system time in clock ticks (100 a second). */
  readonly cpuTicks: number;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses, which may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, parent: Number(fields[1]), cpuTicks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}

/** Neither gone nor a zombie. */
export function isAlive(pid: number): boolean {
  const state = statOf(pid)?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}

export function cpuTicksOf(pid: number): number {
  return statOf(pid)?.cpuTicks ?? 0;
}

/** Resident memory. */
export function rssBytesOf(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
  return pages * 4096;
}

export function environOf(pid: number): Buffer {
  return readFileSync(`/proc/${pid}/environ`);
}

export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** Children, their children, and so on. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined && stat.state !== 'Z') parents.set(Number(name), stat.parent);
  }
  const found = new Set([pid]);
  let before = 0;
  while (found.size > before) {
    before = found.size;
    for (const [child, parent] of parents) if (found.has(parent)) found.add(child);
  }
  found.delete(pid);
  return [...found];
}

/** The processes below `pid` that decode and read images. */
export function enginesOf(pid: number): number[] {
  return descendantsOf(pid).filter((child) => commandOf(child).includes('engine-main'));
}

/** A process that is already gone is fine. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
