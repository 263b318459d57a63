import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { searchFolder, type Secret } from './src/leak-search.ts';

const secrets: readonly Secret[] = [{ what: 'a code', bytes: Buffer.from('XR56L') }];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-leaks-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the search that all these tests end with finds a secret in any file and in a name', async () => {
  await mkdir(join(folder, 'deep', 'deeper'), { recursive: true });
  await writeFile(join(folder, 'harmless.log'), 'XR56-L');
  expect(await searchFolder(folder, secrets)).toEqual([]);
  await writeFile(join(folder, 'deep', 'deeper', 'dump.rdb'), Buffer.from([0, 255, ...Buffer.from('XR56L'), 0]));
  await writeFile(join(folder, 'XR56L.png'), '');
  expect((await searchFolder(folder, secrets)).toSorted()).toEqual([
    expect.stringMatching(/^a code in .*dump\.rdb$/),
    'a code in a file name',
  ]);
});
