import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { readCpuSeconds } from '../proc-stat.ts';

export interface Machine {
  /** As the processor names itself. */
  readonly processor: string;
  /** What it has of the instructions that matter to neural networks, as /proc/cpuinfo names them. */
  readonly instructions: readonly string[];
  /** Cores that this process may use. */
  readonly cores: number;
  /** That it may use, in bytes. */
  readonly memoryBytes: number;
  readonly kernel: string;
}

/** Wide vectors, then dot products of bytes: x86 first, arm64 after. */
const relevantInstructions =
  'avx2 avx512f avx_vnni avx512_vnni avx512_bf16 amx_int8 amx_bf16 asimd sve asimddp i8mm bf16'.split(' ');

export async function describeMachine(): Promise<Machine> {
  // Not Linux: what os knows has to do.
  const cpuInfo = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const limit = process.constrainedMemory();
  return {
    ...parseCpuInfo(cpuInfo, os.cpus()[0]?.model ?? 'unknown processor'),
    cores: os.availableParallelism(),
    // 0 where there is no limit, or a number beyond any machine.
    memoryBytes: Math.min(os.totalmem(), limit > 0 ? limit : Infinity),
    kernel: `${os.type()} ${os.release().split('-')[0] ?? ''}`.trim(),
  };
}

/** `fallback` names the processor where /proc/cpuinfo has no name for it, as on arm64. */
export function parseCpuInfo(text: string, fallback: string): Pick<Machine, 'processor' | 'instructions'> {
  const field = (pattern: string): string | undefined =>
    new RegExp(`^(?:${pattern})\\s*:\\s*(.+)$`, 'm').exec(text)?.[1]?.trim();
  const has = new Set(field('flags|Features')?.split(' '));
  return {
    processor: field('model name') ?? fallback,
    instructions: relevantInstructions.filter((name) => has.has(name)),
  };
}

/** Processor time of the whole machine since it was started, in seconds, as /proc/stat has it. */
export interface MachineTime {
  /** Somebody ran, or the host of this virtual machine ran another one in its place. */
  readonly busy: number;
  readonly total: number;
}

/** USER_HZ, as in proc-stat.ts. */
const ticksPerSecond = 100;

/** Zeros where the text is not that of /proc/stat. */
export function parseMachineTime(stat: string): MachineTime {
  const ticks = /^cpu\s+(.+)$/m.exec(stat)?.[1]?.split(/\s+/).map(Number) ?? [];
  // user, nice, system, idle, iowait, irq, softirq, steal; what follows is contained in user and nice.
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, steal = 0] = ticks;
  const busy = user + nice + system + irq + softIrq + steal;
  return { busy: busy / ticksPerSecond, total: (busy + idle + ioWait) / ticksPerSecond };
}

/** Processor time at one moment, in seconds. */
export interface TimeSnapshot {
  readonly machine: MachineTime;
  /** This process and its children that have ended. */
  readonly ours: number;
}

/** Take them when no children run: those count when they have ended. */
export async function takeTimeSnapshot(): Promise<TimeSnapshot> {
  const { own, endedChildren } = readCpuSeconds(process.pid);
  const stat = await readFile('/proc/stat', 'utf8').catch(() => '');
  return { machine: parseMachineTime(stat), ours: own + endedChildren };
}

/**
 * How much of all processor time others took, 0..1: programs that this process has not started, and other virtual machines.
 * Undefined where the system does not tell.
 */
export function othersShare(before: TimeSnapshot, after: TimeSnapshot): number | undefined {
  const total = after.machine.total - before.machine.total;
  if (!(total > 0)) return undefined;
  const others = after.machine.busy - before.machine.busy - (after.ours - before.ours);
  return Math.min(1, Math.max(0, others / total));
}
