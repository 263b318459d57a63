import { describe, expect, it } from 'vitest';
import { cgroupQuota, physicalCores, readMachine, usableMemory } from './machine.ts';

const gigabyte = 2 ** 30;
const v1Cpu = '/sys/fs/cgroup/cpu/cpu.cfs_';
const v1Memory = '/sys/fs/cgroup/memory/memory.limit_in_bytes';

function reader(files: Readonly<Record<string, string>>) {
  return (file: string): string => {
    const text = files[file];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  };
}

/** A system whose processors may be used as listed, each beside its siblings. */
function system(allowed: string, siblings: readonly string[]): Record<string, string> {
  const topology = siblings.map((list, cpu): [string, string] => [
    `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`,
    `${list}\n`,
  ]);
  return {
    '/proc/self/status': `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${allowed}\nMems_allowed:\t1\n`,
    ...Object.fromEntries(topology),
  };
}

const paired = ['0,4', '1,5', '2,6', '3,7', '0,4', '1,5', '2,6', '3,7'];

describe('physicalCores', () => {
  it.each([
    ['without SMT', 4, system('0-3', ['0', '1', '2', '3']), 4],
    ['with two threads a core', 8, system('0-7', paired), 4],
    ['pinned to both threads of a core', 2, system('1,5', paired), 1],
    ['pinned to threads of two cores', 2, system('1-2', paired), 2],
    ['that say nothing of siblings', 3, system('0,2-3', []), 3],
    ['that say nothing at all', 6, {}, 6],
    ['of which fewer may be used than are allowed', 2, system('0-7', paired), 2],
  ])('of processors %s', (_, logical, files, cores) => {
    expect(physicalCores(reader(files), logical)).toBe(cores);
  });
});

describe('cgroupQuota', () => {
  it.each([
    ['version 2 with a quota', { '/sys/fs/cgroup/cpu.max': '150000 100000\n' }, 1.5],
    ['version 2 without', { '/sys/fs/cgroup/cpu.max': 'max 100000\n' }, Infinity],
    ['version 1 with a quota', { [`${v1Cpu}quota_us`]: '400000\n', [`${v1Cpu}period_us`]: '100000\n' }, 4],
    ['version 1 without', { [`${v1Cpu}quota_us`]: '-1\n', [`${v1Cpu}period_us`]: '100000\n' }, Infinity],
    ['none', {}, Infinity],
  ])('of %s', (_, files: Record<string, string>, cores) => {
    expect(cgroupQuota(reader(files))).toBe(cores);
  });
});

describe('usableMemory', () => {
  it.each([
    ['version 2 with a limit', { '/sys/fs/cgroup/memory.max': `${2 * gigabyte}\n` }, 2 * gigabyte],
    ['version 2 without', { '/sys/fs/cgroup/memory.max': 'max\n' }, 8 * gigabyte],
    ['version 1 with a limit', { [v1Memory]: `${gigabyte}\n` }, gigabyte],
    ['version 1 without', { [v1Memory]: '9223372036854771712\n' }, 8 * gigabyte],
    ['none', {}, 8 * gigabyte],
  ])('of a control group of %s', (_, files: Record<string, string>, bytes) => {
    expect(usableMemory(reader(files), 8 * gigabyte)).toBe(bytes);
  });
});

it('finds something to work with on this machine', () => {
  const { logicalCores, physicalCores: cores, cpuQuota, memoryBytes } = readMachine();
  expect(cores).toBeGreaterThanOrEqual(1);
  expect(logicalCores).toBeGreaterThanOrEqual(cores);
  expect(cpuQuota).toBeGreaterThan(0);
  expect(memoryBytes).toBeGreaterThan(gigabyte / 4);
});
