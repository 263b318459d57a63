import { describe, expect, it } from 'vitest';
import { checkMachine, thisMachine } from './machine.mjs';

const good = { platform: 'linux', arch: 'x64', nodeVersion: 'v20.1.0', glibc: true };

describe('checkMachine', () => {
  it('accepts what the project runs on', () => {
    checkMachine(good);
    checkMachine({ ...good, platform: 'darwin', arch: 'arm64', glibc: false });
    checkMachine(thisMachine());
  });

  it.each([
    [{ nodeVersion: 'v18.19.0' }, /Node 20 or newer is needed.*v18\.19\.0/],
    [{ platform: 'win32' }, /WSL 2/],
    [{ arch: 'ia32' }, /linux on ia32 is not supported/],
    [{ platform: 'darwin', arch: 'x64' }, /darwin on x64/],
    [{ glibc: false }, /musl/],
  ])('refuses %o', (difference, message) => {
    expect(() => checkMachine({ ...good, ...difference })).toThrow(message);
  });
});
