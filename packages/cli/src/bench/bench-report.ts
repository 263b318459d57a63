import type { EngineFit, Machine, ModelName, PrecisionChoice } from '@glyphmill/ocr/pool';
import type { BusyFigures, LoneFigures } from './measure.ts';

export interface BenchReport {
  readonly machine: Machine;
  readonly model: ModelName;
  readonly precision: PrecisionChoice;
  readonly engines: EngineFit;
  /** Different images that were read again and again. */
  readonly images: number;
  readonly startMs: number;
  readonly lone: LoneFigures;
  readonly busy: BusyFigures;
  /** Resident memory of each engine process in the end. */
  readonly engineRssBytes: readonly number[];
}

export function formatBenchJson({ machine, ...report }: BenchReport): string {
  const { cpuQuota } = machine;
  const limit = Number.isFinite(cpuQuota) ? cpuQuota : null;
  return `${JSON.stringify({ machine: { ...machine, cpuQuota: limit }, ...report })}\n`;
}

export function formatBenchText(report: BenchReport): string {
  const { machine, engines, precision, lone, busy } = report;
  const rows: readonly (readonly [string, string])[] = [
    ['Processor', machine.processor === '' ? 'unknown' : machine.processor],
    ['Cores', `${machine.physicalCores}, with ${machine.logicalCores} threads`],
    ['CPU quota', Number.isFinite(machine.cpuQuota) ? `${machine.cpuQuota} cores` : 'none'],
    ['Memory', `${mebibytes(machine.memoryBytes)} MiB`],
    ['Engines', `${count(engines.processes, 'process', 'processes')} of ${count(engines.threads, 'thread')}`],
    ['Because of', engines.reason],
    ['Model', `${report.model}, ${precision.precision}`],
    ['Because', precision.reason],
    ['Ready after', seconds(report.startMs)],
    ['One by one', `p50 ${seconds(lone.p50Ms)}, p95 ${seconds(lone.p95Ms)} (${count(lone.pages, 'page')})`],
    ['', `${percent(lone.helpedShare)} of the lines read by engines that had no page of their own`],
    ['At once', `${busy.imagesPerSecond.toFixed(2)} images/s (${count(busy.pages, 'page')})`],
    ['', `${percent(busy.helpedShare)} of the lines read by engines that had no page of their own`],
    ['Engine memory', `${report.engineRssBytes.map(mebibytes).join(', ')} MiB`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(15)}${value}\n`).join('');
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
