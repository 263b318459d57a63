import { expect, test } from 'vitest';
import { type BenchReport, formatBenchJson, formatBenchText } from './bench-report.ts';

const report: BenchReport = {
  machine: { processor: 'A fast one', logicalCores: 8, physicalCores: 4, cpuQuota: Infinity, memoryBytes: 2 ** 32 },
  model: 'small',
  precision: { precision: 'int8', reason: 'this processor has avx512_vnni' },
  engines: { processes: 4, threads: 1, reason: '4 cores of 8 threads' },
  images: 3,
  startMs: 812,
  lone: { pages: 12, p50Ms: 512, p95Ms: 1_204, helpedShare: 0.712 },
  busy: { pages: 40, imagesPerSecond: 3.456, helpedShare: 0 },
  engineRssBytes: [2 ** 29, 2 ** 28, 2 ** 28, 2 ** 28],
};

test('the report for people says what was chosen, why, and what it brings', () => {
  expect(formatBenchText(report)).toBe(`\
Processor      A fast one
Cores          4, with 8 threads
CPU quota      none
Memory         4096 MiB
Engines        4 processes of 1 thread
Because of     4 cores of 8 threads
Model          small, int8
Because        this processor has avx512_vnni
Ready after    0.81 s
One by one     p50 0.51 s, p95 1.20 s (12 pages)
               71 % of the lines read by engines that had no page of their own
At once        3.46 images/s (40 pages)
               0 % of the lines read by engines that had no page of their own
Engine memory  512, 256, 256, 256 MiB
`);
});

test('where there is a quota, it is told', () => {
  const pod = { ...report, machine: { ...report.machine, processor: '', cpuQuota: 0.5 } };
  expect(formatBenchText(pod)).toMatch(/^Processor +unknown\n/);
  expect(formatBenchText(pod)).toContain('CPU quota      0.5 cores\n');
});

test('the report for programs is one line of JSON, with null for no quota', () => {
  expect(formatBenchJson(report)).toMatch(/^\{.*\}\n$/);
  expect(JSON.parse(formatBenchJson(report))).toEqual({ ...report, machine: { ...report.machine, cpuQuota: null } });
});
