import { describe, expect, it } from 'vitest';
import { cgroupQuota, usableCores } from './usable-cores.ts';

const v1 = '/sys/fs/cgroup/cpu/cpu.cfs_';

describe('cgroupQuota', () => {
  it.each([
    ['version 2 with a quota', { '/sys/fs/cgroup/cpu.max': '150000 100000\n' }, 1.5],
    ['version 2 without', { '/sys/fs/cgroup/cpu.max': 'max 100000\n' }, Infinity],
    ['version 1 with a quota', { [`${v1}quota_us`]: '400000\n', [`${v1}period_us`]: '100000\n' }, 4],
    ['version 1 without', { [`${v1}quota_us`]: '-1\n', [`${v1}period_us`]: '100000\n' }, Infinity],
    ['none', {}, Infinity],
  ])('of %s', (_, files: Record<string, string>, cores) => {
    const read = (file: string): string => {
      const text = files[file];
      if (text === undefined) throw new Error('ENOENT');
      return text;
    };
    expect(cgroupQuota(read)).toBe(cores);
  });
});

it('always leaves one core to work with', () => {
  expect(usableCores()).toBeGreaterThanOrEqual(1);
});
