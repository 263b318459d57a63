import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fingerprint, installPackages } from './packages.mjs';

let root;
let installs;

/** Does what pnpm does as far as this module looks at it. */
async function fakeInstall(folder) {
  installs += 1;
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/.bin/node'), '');
  return { code: 0, output: '' };
}
const quiet = { install: fakeInstall, note: () => {} };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'glyphmill set-up-'));
  writeFileSync(join(root, 'pnpm-lock.yaml'), 'one');
  writeFileSync(join(root, 'pnpm-workspace.yaml'), 'packages: []');
  installs = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('installPackages', () => {
  it('installs once, and again only when the lockfile has changed', async () => {
    expect(await installPackages(root, quiet)).toBe(true);
    expect(await installPackages(root, quiet)).toBe(false);
    writeFileSync(join(root, 'pnpm-lock.yaml'), 'two');
    expect(await installPackages(root, quiet)).toBe(true);
    expect(installs).toBe(2);
  });

  it('installs again where the project was copied from another kind of machine', () => {
    expect(fingerprint(root, 'linux-x64')).not.toBe(fingerprint(root, 'darwin-arm64'));
  });

  it('takes what pnpm itself installed', async () => {
    mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
    mkdirSync(join(root, 'node_modules/.pnpm'));
    writeFileSync(join(root, 'node_modules/.bin/node'), '');
    writeFileSync(join(root, 'node_modules/.pnpm/lock.yaml'), 'one');
    expect(await installPackages(root, quiet)).toBe(false);
  });

  it('says that the first start needs a network, and tries again the next time', async () => {
    const offline = async () => ({ code: 1, output: 'npm error code EAI_AGAIN\n' });
    await expect(installPackages(root, { ...quiet, install: offline })).rejects.toThrow(/first start needs a network/);
    expect(await installPackages(root, quiet)).toBe(true);
  });

  it('shows the end of what the installer said', async () => {
    const broken = async () => ({ code: 1, output: `${'noise\n'.repeat(100)}ERR_PNPM_NO_SPACE disk is full\n` });
    await expect(installPackages(root, { ...quiet, install: broken })).rejects.toThrow(/disk is full[^]*proxy/);
  });

  it('says so where the folder cannot be written to', async () => {
    writeFileSync(join(root, 'node_modules'), 'a file is in the way');
    await expect(installPackages(root, quiet)).rejects.toThrow(/cannot be written to/);
    expect(installs).toBe(0);
  });
});
