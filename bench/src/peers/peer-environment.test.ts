import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { explainPip, explainVenv, preparePeerPython } from './peer-environment.ts';

let root: string;
beforeEach(async () => (root = await mkdtemp(path.join(os.tmpdir(), 'peer-environment-'))));
afterEach(() => rm(root, { recursive: true, force: true }));

/** A program that behaves as Python does where that matters here, and writes down what it was asked. */
async function fakePython({ version = '3 11', venv = ':' }: { version?: string; venv?: string } = {}) {
  const python = path.join(root, 'python3');
  const script = `#!/bin/sh
echo "$*" >> ${root}/calls
case "$1 $2" in
  "-c "*) echo "${version}" ;;
  "-m venv") ${venv}; mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  "-m pip") ;;
esac
`;
  await writeFile(python, script);
  await chmod(python, 0o755);
  await writeFile(path.join(root, 'requirements.txt'), 'a==1\n');
  return {
    python,
    prepare: () =>
      preparePeerPython({
        python,
        folder: path.join(root, 'venv'),
        requirements: path.join(root, 'requirements.txt'),
        note: () => undefined,
      }),
    calls: async () => (await readFile(path.join(root, 'calls'), 'utf8')).trim().split('\n'),
  };
}

test('installs once, and again when other versions are wanted', async () => {
  const { prepare, calls } = await fakePython();
  expect(await prepare()).toBe(path.join(root, 'venv/bin/python'));
  const installs = async () => (await calls()).filter((call) => call.startsWith('-m pip install')).length;
  expect(await installs()).toBe(1);
  await prepare();
  expect(await installs()).toBe(1);
  await writeFile(path.join(root, 'requirements.txt'), 'a==2\n');
  await prepare();
  expect(await installs()).toBe(2);
});

test('an environment that was not finished is made anew', async () => {
  const { prepare, calls } = await fakePython();
  await prepare();
  await rm(path.join(root, 'venv/installed.txt'));
  await prepare();
  expect((await calls()).filter((call) => call.startsWith('-m venv'))).toHaveLength(2);
});

describe('says what to do', () => {
  test('without venv', async () => {
    const { prepare } = await fakePython({ venv: 'echo "ensurepip is not available" >&2; exit 1' });
    await expect(prepare()).rejects.toThrow('apt-get install python3-venv');
  });

  test('with an old Python', async () => {
    const { prepare } = await fakePython({ version: '3 9' });
    await expect(prepare()).rejects.toThrow('Python 3.9; the peers need 3.11');
  });

  test('without Python', async () => {
    await fakePython();
    const options = { python: path.join(root, 'none'), requirements: path.join(root, 'requirements.txt') };
    const prepared = preparePeerPython({ ...options, folder: path.join(root, 'venv'), note: () => undefined });
    await expect(prepared).rejects.toThrow('does not run');
  });

  test.each([
    [explainVenv('No space left on device'), 'A full disk'],
    [explainPip('[Errno -3] Temporary failure in name resolution'), 'package index cannot be reached'],
    [explainPip('No matching distribution found for a==1'), 'no such wheels'],
  ])('%s', (explained, advice) => {
    expect(explained).toContain(advice);
  });
});

test('what is pinned is complete: nothing is left to the day of the installation', async () => {
  const text = await readFile(new URL('../../peers/requirements.txt', import.meta.url), 'utf8');
  const lines = text.trim().split('\n');
  expect(lines.filter((line) => !/^(#.*|[\w-]+==[\w.]+)$/.test(line))).toEqual([]);
  expect(lines.join('\n')).toContain('faster-paddle==');
});
