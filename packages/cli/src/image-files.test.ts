import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findImageFiles, readImageFile } from './image-files.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'glyphmill-cli-'));
  for (const folder of ['pages/.hidden', 'pages/sub', 'outside', 'empty']) {
    await mkdir(path.join(root, folder), { recursive: true });
  }
  const files = ['pages/page10.png', 'pages/page2.JPG', 'pages/notes.txt', 'pages/.secret.png', 'pages/.hidden/x.png'];
  for (const file of [...files, 'pages/sub/a.webp', 'outside/o.png']) await writeFile(path.join(root, file), 'abc');
  await symlink(path.join(root, 'outside'), path.join(root, 'pages/link'));
  await symlink(path.join(root, 'outside/o.png'), path.join(root, 'pages/linked.png'));
  await symlink(path.join(root, 'pages'), path.join(root, 'pages/sub/circle'));
});

afterAll(() => rm(root, { recursive: true }));

const labels = async (...inputs: string[]): Promise<string[]> =>
  (await findImageFiles(inputs, root)).map((file) =>
    'error' in file ? `${file.label}: ${file.error.code}` : file.label,
  );

test('walks folders in order, without hidden entries, links and other files', async () => {
  expect(await labels('pages')).toEqual(['pages/page2.JPG', 'pages/page10.png', 'pages/sub/a.webp']);
});

test('takes named files and links as they are, in the order given', async () => {
  expect(await labels('pages/notes.txt', '-', 'pages/linked.png', 'pages/.secret.png')).toEqual([
    'pages/notes.txt',
    '-',
    'pages/linked.png',
    'pages/.secret.png',
  ]);
});

test('says what is missing and goes on', async () => {
  expect(await labels('nothing.png', 'empty', 'pages/notes.txt/x')).toEqual([
    'nothing.png: file_not_found',
    'empty: no_images',
    'pages/notes.txt/x: file_not_found',
  ]);
});

test('reads no more than allowed', async () => {
  const file = path.join(root, 'pages/notes.txt');
  const stdin = (async function* () {
    yield Buffer.from('ab');
    yield Buffer.from('cd');
  })();
  expect(Buffer.from(await readImageFile(file, { maxBytes: 3, stdin })).toString()).toBe('abc');
  await expect(readImageFile(file, { maxBytes: 2, stdin })).rejects.toMatchObject({ code: 'image_too_large' });
  await expect(readImageFile(undefined, { maxBytes: 3, stdin })).rejects.toMatchObject({ code: 'image_too_large' });
  await expect(readImageFile(root, { maxBytes: 3, stdin })).rejects.toMatchObject({ code: 'file_unreadable' });
});
