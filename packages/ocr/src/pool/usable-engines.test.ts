import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Machine } from './machine.ts';
import { fitEngines, maxThreads } from './usable-engines.ts';

const gigabyte = 2 ** 30;
const quarter = gigabyte / 4;

function machine(cores: string, quota: number, memoryBytes: number): Machine {
  const [physicalCores = 1, logicalCores = physicalCores] = cores.split('/').map(Number);
  return { processor: '', physicalCores, logicalCores, cpuQuota: quota, memoryBytes };
}

describe('fitEngines', () => {
  it.each([
    // What,                              model,  cores, quota, memory,      processes, threads, reason
    ['a pod of 500m and 512 Mi', 'small', '8/16', 0.5, 2 * quarter, 1, 1, 'a CPU quota of 0.5'],
    ['a pod of 1 and 2 Gi', 'small', '32/64', 1, 2 * gigabyte, 1, 1, 'a CPU quota of 1'],
    ['a pod of 2 and 4 Gi', 'small', '32/64', 2, 4 * gigabyte, 2, 1, 'a CPU quota of 2'],
    ['a pod of 3.5 and 4 Gi', 'small', '32/64', 3.5, 4 * gigabyte, 3, 1, 'a CPU quota of 3.5'],
    [
      'a pod of 4 and 1 Gi',
      'small',
      '32/64',
      4,
      gigabyte,
      1,
      4,
      'a CPU quota of 4, and 1024 MiB of memory, which hold 1',
    ],
    [
      'a pod of 2 and 512 Mi',
      'small',
      '4',
      2,
      2 * quarter,
      1,
      2,
      'a CPU quota of 2, and 512 MiB of memory, which hold 1',
    ],
    ['a desktop of 8 cores, 16 threads', 'small', '8/16', Infinity, 32 * gigabyte, 8, 1, '8 cores of 16 threads'],
    ['a laptop with a larger quota than cores', 'tiny', '4', 6, 16 * gigabyte, 4, 1, '4 cores'],
    ['64 cores', 'small', '64/128', Infinity, 256 * gigabyte, 64, 1, '64 cores of 128 threads'],
    [
      '64 cores with little memory',
      'small',
      '64',
      Infinity,
      gigabyte,
      1,
      maxThreads,
      '64 cores, and 1024 MiB of memory, which hold 1',
    ],
    [
      '16 cores and 4 GiB',
      'small',
      '16',
      Infinity,
      4 * gigabyte,
      5,
      3,
      '16 cores, and 4096 MiB of memory, which hold 5',
    ],
    [
      'the same, model tiny',
      'tiny',
      '16',
      Infinity,
      4 * gigabyte,
      8,
      2,
      '16 cores, and 4096 MiB of memory, which hold 8',
    ],
    ['two cores and 2 GiB', 'small', '2', Infinity, 2 * gigabyte, 2, 1, '2 cores'],
    ['less memory than one engine', 'small', '1', Infinity, quarter, 1, 1, '1 core'],
  ] as const)('of %s', (_, model, cores, quota, memoryBytes, processes, threads, reason) => {
    expect(fitEngines(model, machine(cores, quota, memoryBytes))).toEqual({ processes, threads, reason });
  });

  it('never takes more threads than cores, nor more time than the quota', () => {
    const any = fc.record({
      physicalCores: fc.integer({ min: 1, max: 256 }),
      cpuQuota: fc.oneof(fc.constant(Infinity), fc.double({ min: 0.05, max: 256, noNaN: true })),
      memoryBytes: fc.integer({ min: 2 ** 27, max: 2 ** 39 }),
    });
    fc.assert(
      fc.property(fc.constantFrom('small' as const, 'tiny' as const), any, (model, given) => {
        const { processes, threads } = fitEngines(model, {
          processor: '',
          logicalCores: 2 * given.physicalCores,
          ...given,
        });
        expect(Math.min(processes, threads)).toBeGreaterThanOrEqual(1);
        expect(processes * threads).toBeLessThanOrEqual(Math.max(1, Math.min(given.physicalCores, given.cpuQuota)));
        if (processes > 1) expect(processes * 400 * 2 ** 20).toBeLessThan(given.memoryBytes);
      }),
    );
  });

  it('leaves one engine to work with, whatever this machine is', () => {
    expect(fitEngines('small').processes).toBeGreaterThanOrEqual(1);
  });
});
