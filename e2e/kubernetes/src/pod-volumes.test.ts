import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mapPaths, translatePaths } from './pod-volumes.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-volumes-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const paths = [
  { inside: '/data', outside: '/here/data' },
  { inside: '/app', outside: '/checkout' },
];

test.each([
  ['/data', '/here/data'],
  ['file:/data/x.db', 'file:/here/data/x.db'],
  ['--dir=/data/blobs', '--dir=/here/data/blobs'],
  ['/database', '/database'],
  ['https://host/data/x', 'https://host/data/x'],
  ['/app/docker/is-ready.mjs', '/checkout/docker/is-ready.mjs'],
])('%s is %s on this machine', (text, translated) => {
  expect(translatePaths(text, paths)).toBe(translated);
});

test('a mount inside another one is found through both', async () => {
  const volumes = new Map([
    ['data', join(folder, 'data')],
    ['images', join(folder, 'claims/images')],
  ]);
  const volumeMounts = [
    { name: 'data', mountPath: '/data' },
    { name: 'images', mountPath: '/data/blobs' },
  ];
  const mapped = await mapPaths({ name: 'c', image: 'i', volumeMounts }, volumes, paths.slice(1));
  await writeFile(join(folder, 'claims/images/picture'), 'seen');
  expect(await readFile(translatePaths('/data/blobs/picture', mapped), 'utf8')).toBe('seen');
  expect(await readFile(join(translatePaths('/data', mapped), 'blobs/picture'), 'utf8')).toBe('seen');
});
