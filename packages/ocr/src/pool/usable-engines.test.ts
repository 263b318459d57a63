import { describe, expect, it } from 'vitest';
import { usableEngines, usableMemory } from './usable-engines.ts';

const gigabyte = 2 ** 30;
const v1 = '/sys/fs/cgroup/memory/memory.limit_in_bytes';

describe('usableMemory', () => {
  it.each([
    ['version 2 with a limit', { '/sys/fs/cgroup/memory.max': `${2 * gigabyte}\n` }, 2 * gigabyte],
    ['version 2 without', { '/sys/fs/cgroup/memory.max': 'max\n' }, 8 * gigabyte],
    ['version 1 with a limit', { [v1]: `${gigabyte}\n` }, gigabyte],
    ['version 1 without', { [v1]: '9223372036854771712\n' }, 8 * gigabyte],
    ['none', {}, 8 * gigabyte],
  ])('of a control group of %s', (_, files: Record<string, string>, bytes) => {
    const read = (file: string): string => {
      const text = files[file];
      if (text === undefined) throw new Error('ENOENT');
      return text;
    };
    expect(usableMemory(read, 8 * gigabyte)).toBe(bytes);
  });
});

describe('usableEngines', () => {
  it.each([
    ['small', 2, 24 * gigabyte, 2],
    ['small', 16, 4 * gigabyte, 5],
    ['tiny', 16, 4 * gigabyte, 8],
    ['small', 2, 2 * gigabyte, 2],
    ['small', 8, gigabyte / 4, 1],
  ] as const)('%s on %d cores with %d bytes: %d', (model, cores, memoryBytes, engines) => {
    expect(usableEngines(model, { cores, memoryBytes })).toBe(engines);
  });

  it('leaves one engine to work with, whatever this machine is', () => {
    expect(usableEngines('small')).toBeGreaterThanOrEqual(1);
  });
});
