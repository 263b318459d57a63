import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { describeMachine, parseCpuInfo, othersShare, parseMachineTime, takeTimeSnapshot } from './machine.ts';

test.each([
  {
    of: 'x86',
    text: 'processor\t: 0\nmodel name\t: AMD EPYC 9B14\nflags\t\t: fpu sse2 avx2 avx512f avx512_vnni\n\nprocessor\t: 1\n',
    expected: { processor: 'AMD EPYC 9B14', instructions: ['avx2', 'avx512f', 'avx512_vnni'] },
  },
  {
    of: 'arm64',
    text: 'processor\t: 0\nFeatures\t: fp asimd i8mm asimddp\n',
    expected: { processor: 'a phone', instructions: ['asimd', 'asimddp', 'i8mm'] },
  },
  { of: 'another system', text: '', expected: { processor: 'a phone', instructions: [] } },
])('finds the processor of $of', ({ text, expected }) => {
  expect(parseCpuInfo(text, 'a phone')).toEqual(expected);
});

test('this machine has cores and memory', async () => {
  const { cores, memoryBytes } = await describeMachine();
  expect(cores).toBeGreaterThan(0);
  expect(memoryBytes).toBeGreaterThan(1e8);
  expect(memoryBytes).toBeLessThan(1e15);
});

test('time that the host gave to others is busy, waiting for a disk is not', () => {
  expect(parseMachineTime('cpu  100 20 30 1000 40 5 5 200 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n')).toEqual({
    busy: 3.6,
    total: 14,
  });
});

test.each([
  { busy: 10, total: 20, ours: 10, share: 0 },
  { busy: 10, total: 20, ours: 5, share: 0.25 },
  { busy: 10, total: 20, ours: 10.1, share: 0 },
  { busy: 0, total: 0, ours: 0, share: undefined },
])('of $total s, $busy busy and $ours ours, others had $share', ({ busy, total, ours, share }) => {
  const before = { machine: { busy: 7, total: 70 }, ours: 3 };
  const after = { machine: { busy: 7 + busy, total: 70 + total }, ours: 3 + ours };
  const found = othersShare(before, after);
  if (share === undefined) expect(found).toBeUndefined();
  else expect(found).toBeCloseTo(share, 10);
});

test('children count as ours once they have ended', async () => {
  const before = await takeTimeSnapshot();
  spawnSync(process.execPath, [
    '-e',
    'const until = process.cpuUsage().user + 2e5; while (process.cpuUsage().user < until);',
  ]);
  const after = await takeTimeSnapshot();
  expect(after.ours - before.ours).toBeGreaterThan(0.19);
  expect(after.machine.busy - before.machine.busy).toBeGreaterThan(0.15);
});
