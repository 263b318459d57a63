import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { JobRecord } from '@glyphmill/core/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stampOf } from '../folder/file-stamp.ts';
import { HeldFolder, withFolder } from '../folder/held-folder.ts';
import { moveFile } from './move-file.ts';
import { readingFilesOf } from './reading-files.ts';

let inbox: string;
beforeEach(async () => {
  inbox = await mkdtemp(join(tmpdir(), 'glyphmill-move-'));
});
afterEach(() => rm(inbox, { recursive: true, force: true }));

const done: JobRecord = {
  id: 'job-1',
  lane: 'bulk',
  priority: 100,
  source: { kind: 'blob', sha256: 'ab'.repeat(32), bytes: 3 },
  state: 'succeeded',
  generation: 0,
  attempts: 1,
  createdAt: 1,
  result: {
    width: 10,
    height: 10,
    model: 'tiny',
    timings: {},
    lines: [
      {
        text: 'Ärger',
        confidence: 0.98765432,
        box: [
          [1, 2],
          [3, 2],
          [3, 4],
          [1, 4],
        ],
      },
    ],
  },
};

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(inbox, path)), { recursive: true });
  await writeFile(join(inbox, path), content);
}

async function move(path: string, job: JobRecord = done) {
  const stamp = stampOf(await stat(join(inbox, path), { bigint: true }));
  return withFolder(HeldFolder.openInbox(inbox), (held) => moveFile(held, { path, stamp, job }));
}

const files = async () =>
  (await readdir(inbox, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(inbox.length + 1))
    .toSorted();
const read = (path: string) => readFile(join(inbox, path), 'utf8');

test('a file that was read goes to done, its reading beside it', async () => {
  await put('2026/a.png', 'abc');
  expect(await move('2026/a.png')).toBe('moved');
  expect(await files()).toEqual(['done/2026/a.png', 'done/2026/a.png.json', 'done/2026/a.png.txt']);
  expect(await read('done/2026/a.png')).toBe('abc');
  expect(await read('done/2026/a.png.txt')).toBe('Ärger\n');
  expect(JSON.parse(await read('done/2026/a.png.json'))).toEqual({
    state: 'succeeded',
    id: 'job-1',
    path: '2026/a.png',
    message: 'Analysis successful',
    count: 1,
    data: [{ text: 'Ärger', confidence: 0.9877, box: done.result?.lines[0]?.box }],
  });
});

test('a file that could not be read goes to failed, with the reason', async () => {
  const { result: _, ...job } = done;
  await put('a.png', 'abc');
  const error = { code: 'image_unreadable', message: 'The image is broken', retryable: false } as const;
  expect(await move('a.png', { ...job, state: 'failed', error })).toBe('moved');
  expect(JSON.parse(await read('failed/a.png.json'))).toMatchObject({
    state: 'failed',
    error: { code: 'image_unreadable', detail: 'The image is broken' },
  });
  expect(await read('failed/a.png.txt')).toBe('image_unreadable: The image is broken\n');
});

test.each([['done/a.png'], ['done/a.png.json'], ['done/a.png.txt']])(
  'never over %s: a number is added',
  async (taken) => {
    await put(taken, 'mine');
    await put('a.png', 'abc');
    expect(await move('a.png')).toBe('moved');
    expect(await read(taken)).toBe('mine');
    expect(await files()).toEqual([taken, 'done/a (2).png', 'done/a (2).png.json', 'done/a (2).png.txt'].toSorted());
  },
);

describe('what a process has left that was killed on the way is taken up again', () => {
  const { json, text } = readingFilesOf(done, 'a.png');
  test.each<[string, Readonly<Record<string, string>>]>([
    ['the folder', { 'done/other.txt': '' }],
    ['a part of a file', { 'done/.0123456789abcdef.part': json.slice(0, 20) }],
    ['the JSON', { 'done/a.png.json': json }],
    ['JSON and text', { 'done/a.png.json': json, 'done/a.png.txt': text }],
    [
      'an older reading',
      { 'done/a.png.json': readingFilesOf({ ...done, result: undefined } as unknown as JobRecord, 'a.png').json },
    ],
  ])('%s', async (_name, left) => {
    for (const [path, content] of Object.entries(left)) await put(path, content);
    await put('a.png', 'abc');
    expect(await move('a.png')).toBe('moved');
    const kept = Object.keys(left).filter((path) => !path.startsWith('done/a'));
    expect(await files()).toEqual(['done/a.png', 'done/a.png.json', 'done/a.png.txt', ...kept].toSorted());
    expect(await read('done/a.png.json')).toBe(json);
    expect(await read('done/a.png.txt')).toBe(text);
  });
});

test('the same file again, with the same job, is one more', async () => {
  for (let times = 0; times < 2; times += 1) {
    await put('a.png', 'abc');
    expect(await move('a.png')).toBe('moved');
  }
  expect(await files()).toHaveLength(6);
});

test('a file that has changed stays', async () => {
  await put('a.png', 'abc');
  const moving = withFolder(HeldFolder.openInbox(inbox), (held) =>
    moveFile(held, { path: 'a.png', stamp: 'other', job: done }),
  );
  expect(await moving).toBe('changed');
  const gone = withFolder(HeldFolder.openInbox(inbox), (held) =>
    moveFile(held, { path: 'sub/none.png', stamp: 'other', job: done }),
  );
  expect(await gone).toBe('changed');
  expect(await files()).toEqual(['a.png']);
});

test('a link in the place of done leads nowhere', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'glyphmill-outside-'));
  await symlink(outside, join(inbox, 'done'));
  await put('a.png', 'abc');
  await expect(move('a.png')).rejects.toThrow('The folder done cannot be used');
  expect(await readdir(outside)).toEqual([]);
  expect(await read('a.png')).toBe('abc');
  await rm(outside, { recursive: true });
});
