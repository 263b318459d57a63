import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BlobStore, createFilesystemBlobReader, createFilesystemBlobStore } from '../src/blobs/blobs.ts';

const bytes = { kept: randomBytes(300), aside: randomBytes(500), twice: randomBytes(700) };
const nowhere = 'ab'.repeat(32);

let folder: string;
let store: BlobStore;
/** Their addresses. */
let kept: Record<keyof typeof bytes, string>;

/** One blob in its place and two that a sweep has moved aside, one of them also made anew since. */
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'glyphmill-blob-reader-')), 'blobs');
  store = createFilesystemBlobStore({ folder });
  const put = async (content: Buffer) => (await store.put(Readable.from([content]), { maxBytes: 1_000 })).sha256;
  kept = { kept: await put(bytes.kept), aside: await put(bytes.aside), twice: await put(bytes.twice) };
  await mkdir(join(folder, 'trash'));
  await moveAside(kept.aside);
  await moveAside(kept.twice);
  await put(bytes.twice);
});
afterEach(() => rm(dirname(folder), { recursive: true, force: true }));

async function moveAside(sha256: string): Promise<void> {
  await rename(
    join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256),
    join(folder, 'trash', `${sha256}.${randomBytes(4).toString('hex')}`),
  );
}

/** Every entry with its rights, times, links and content. */
async function snapshot(): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const told = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const { mode, mtimeMs, ctimeMs, nlink, ino } = await stat(path);
    const hash = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : '';
    return [path.slice(folder.length), mode, mtimeMs, ctimeMs, nlink, ino, hash].join(' ');
  });
  return (await Promise.all(told)).toSorted();
}

async function readAll(from: string): Promise<void> {
  const reader = createFilesystemBlobReader({ folder: from });
  for (const name of ['kept', 'aside', 'twice'] as const) {
    expect(Buffer.from((await reader.read(kept[name])) ?? [])).toEqual(bytes[name]);
    expect(await reader.size(kept[name])).toBe(bytes[name].length);
  }
  for (const sha256 of [nowhere, '../trash', '']) {
    expect(await reader.read(sha256)).toBeUndefined();
    expect(await reader.size(sha256)).toBeUndefined();
  }
}

test('finds blobs in their places and aside, and leaves all as it is', async () => {
  const before = await snapshot();
  await readAll(folder);
  expect(await snapshot()).toEqual(before);
  // What it was compared with would show a change.
  await store.read(kept.aside);
  expect(await snapshot()).not.toEqual(before);
});

test('does so in a folder that cannot be written to', async ({ skip }) => {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) {
    const trash = join(folder, 'trash');
    await chmod(trash, 0o500);
    await readAll(folder);
    await chmod(trash, 0o700);
    return;
  }
  const mounted = await mkdtemp(join(tmpdir(), 'glyphmill-read-only-'));
  try {
    execFileSync('mount', ['--bind', folder, mounted], { stdio: 'ignore' });
  } catch {
    skip('this root may not mount a folder');
  }
  try {
    execFileSync('mount', ['-o', 'remount,bind,ro', mounted]);
    await readAll(mounted);
    await expect(createFilesystemBlobStore({ folder: mounted }).read(kept.aside)).rejects.toThrow();
  } finally {
    execFileSync('umount', [mounted]);
    await rm(mounted, { recursive: true });
  }
});

test('finds what a sweep puts back at that very moment', async () => {
  const reader = createFilesystemBlobReader({ folder });
  const restored = store.read(kept.aside);
  expect(Buffer.from((await reader.read(kept.aside)) ?? [])).toEqual(bytes.aside);
  expect(Buffer.from((await restored) ?? [])).toEqual(bytes.aside);
});

test('knows nothing where there is no folder, and says when it cannot look', async () => {
  const none = createFilesystemBlobReader({ folder: join(folder, 'none') });
  expect(await none.read(kept.kept)).toBeUndefined();
  const file = join(folder, 'trash', (await readdir(join(folder, 'trash')))[0]!);
  await expect(createFilesystemBlobReader({ folder: file }).read(kept.kept)).rejects.toMatchObject({
    code: 'store_unavailable',
  });
});
