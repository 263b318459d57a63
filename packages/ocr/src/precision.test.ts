import { describe, expect, it } from 'vitest';
import { choosePrecision, parseFeatures, usablePrecision } from './precision.ts';

const processor = (architecture: string, ...features: string[]) => ({ architecture, features: new Set(features) });

describe('choosePrecision', () => {
  it.each([
    ['x64', 'avx512_vnni', 'int8'],
    ['x64', 'avx_vnni', 'int8'],
    ['x64', 'amx_int8', 'int8'],
    ['x64', 'avx512f', 'fp32'],
    ['x64', 'asimddp', 'fp32'],
    ['arm64', 'asimddp', 'int8'],
    ['arm64', 'i8mm', 'int8'],
    ['arm64', 'asimd', 'fp32'],
    ['riscv64', 'v', 'fp32'],
  ] as const)('takes on %s with %s: %s', (architecture, feature, precision) => {
    expect(choosePrecision('auto', 'cpu', processor(architecture, 'sse2', feature)).precision).toBe(precision);
  });

  it('says what decided', () => {
    const { reason } = choosePrecision('auto', 'cpu', processor('x64', 'avx512_vnni'));
    expect(reason).toBe('this processor has avx512_vnni');
    const plain = choosePrecision('auto', 'cpu', processor('x64', 'avx2')).reason;
    expect(plain).toBe('this processor (x64) is not known to have avx512_vnni, avx_vnni, amx_int8');
  });

  it('does as it is told on a CPU', () => {
    expect(choosePrecision('fp32', 'cpu', processor('x64', 'avx512_vnni')).precision).toBe('fp32');
    expect(choosePrecision('int8', 'cpu', processor('x64')).precision).toBe('int8');
  });

  it.each(['auto', 'int8', 'fp32'] as const)('computes in float32 with CUDA when %s is wanted', (wanted) => {
    expect(choosePrecision(wanted, 'cuda', processor('x64', 'avx512_vnni')).precision).toBe('fp32');
  });
});

describe('parseFeatures', () => {
  it('reads what Linux says on x86', () => {
    const features = parseFeatures('processor\t: 0\nvmx flags\t: x\nflags\t\t: fpu avx512_vnni\nbugs\t: a\n');
    expect([...features]).toEqual(['fpu', 'avx512_vnni']);
  });

  it('reads what Linux says on ARM', () => {
    expect([...parseFeatures('processor\t: 0\nFeatures\t: fp asimddp\n')]).toEqual(['fp', 'asimddp']);
  });

  it('knows nothing without the file', () => {
    expect(parseFeatures('').has('avx512_vnni')).toBe(false);
  });
});

it('finds something for this machine', () => {
  expect(['int8', 'fp32']).toContain(usablePrecision('auto').precision);
  expect(usablePrecision('int8').precision).toBe('int8');
});
