import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BlobStore, createFilesystemBlobStore } from '../src/blobs/blobs.ts';
import type { OcrError } from '../src/errors.ts';
import { describeBlobStore, failure, hour, limit, none, put as putInto, textOf } from './blobs/conformance.ts';

describeBlobStore('blobs as files', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'glyphmill-blobs-'));
  const root = join(parent, 'data', 'blobs');
  const old = new Date(Date.now() - 2 * hour);
  const pathIn = (sha256: string) => join(root, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  return {
    store: createFilesystemBlobStore({ folder: root }),
    another: () => createFilesystemBlobStore({ folder: root }),
    stored: () => filesBelow(root),
    makeOld: (sha256) => utimes(pathIn(sha256), old, old),
    async putOld(sha256s) {
      for (const sha256 of sha256s) {
        await mkdir(dirname(pathIn(sha256)), { recursive: true });
        await writeFile(pathIn(sha256), 'x');
        await utimes(pathIn(sha256), old, old);
      }
    },
    close: () => rm(parent, { recursive: true, force: true }),
  };
});

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

const pathOf = (sha256: string) => join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
const put = (bytes: Uint8Array | string) => putInto(store, bytes);
const files = () => filesBelow(folder);

let folder: string;
let store: BlobStore;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'glyphmill-blobs-')), 'data', 'blobs');
  store = createFilesystemBlobStore({ folder });
});
afterEach(() => rm(dirname(dirname(folder)), { recursive: true, force: true }));

describe('files', () => {
  test('nobody else may read what is stored', async () => {
    const sha256 = await put('private');
    for (let path = pathOf(sha256); path.length >= folder.length; path = dirname(path)) {
      expect((await stat(path)).mode & 0o077).toBe(0);
    }
  });

  test('is not led to a file that is no blob', async () => {
    await put('something');
    await writeFile(join(folder, 'passwd'), 'secret');
    expect(await store.read('../../passwd')).toBeUndefined();
  });

  test('what broken uploads left goes', async () => {
    await put('x');
    const left = join(folder, 'incoming', 'left');
    await writeFile(left, 'torn');
    await utimes(left, new Date(0), new Date(0));
    expect(await store.sweep({ minAgeMs: hour, inUse: none })).toBe(0);
    expect(existsSync(left)).toBe(false);
    expect(await readdir(join(folder, 'incoming'))).toEqual([]);
  });

  test('leaves alone what is not its own, and an empty place', async () => {
    expect(await store.sweep({ minAgeMs: 0, inUse: none })).toBe(0);
    await put('x');
    const foreign = join(folder, 'ab', 'cd');
    await mkdir(foreign, { recursive: true });
    await writeFile(join(foreign, 'README'), 'x');
    await writeFile(join(folder, 'notes.txt'), 'x');
    await store.sweep({ minAgeMs: 0, inUse: none });
    expect((await files()).toSorted()).toEqual(['README', 'notes.txt']);
  });

  test('what a sweep had in its hands when its process died is found and kept', async () => {
    const [read, swept] = [await put('read'), await put('swept')];
    await mkdir(join(folder, 'trash'));
    for (const sha256 of [read, swept]) await rename(pathOf(sha256), join(folder, 'trash', `${sha256}.dead`));
    expect(await textOf(store, read)).toBe('read');
    expect(await store.sweep({ minAgeMs: hour, inUse: none })).toBe(0);
    expect((await files()).toSorted()).toEqual([read, swept].toSorted());
    expect(await readdir(join(folder, 'trash'))).toEqual([]);
  });
});

describe('a place that fails', () => {
  test('a folder that cannot be made is store_unavailable, and works once it can', async () => {
    await mkdir(dirname(folder), { recursive: true });
    await writeFile(folder, 'a file in its place');
    const stream = Readable.from([Buffer.from('x')]);
    expect(await failure(store.put(stream, limit))).toMatchObject({ code: 'store_unavailable', retryable: true });
    expect(stream.destroyed).toBe(true);
    expect(await failure(store.check())).toMatchObject({ code: 'store_unavailable' });
    await rm(folder);
    await store.check();
    const sha256 = await put('x');
    await rm(folder, { recursive: true });
    expect(await failure(store.check())).toMatchObject({ code: 'store_unavailable' });
    await store.check();
    expect(await put('x')).toBe(sha256);
    await rm(folder, { recursive: true });
    expect(await failure(put('x'))).toMatchObject({ code: 'store_unavailable' });
    expect(await put('x')).toBe(sha256);
  });

  test('tells users no paths', async () => {
    await mkdir(dirname(folder), { recursive: true });
    await writeFile(folder, '');
    expect((await failure(put('x'))) as OcrError).toMatchObject({ message: expect.not.stringContaining(folder) });
  });

  test.skipIf(process.getuid?.() === 0)('a folder without rights is store_unavailable', async () => {
    await put('x');
    await chmod(join(folder, 'incoming'), 0o500);
    expect(await failure(put('y'))).toMatchObject({ code: 'store_unavailable' });
    expect(await failure(store.check())).toMatchObject({ code: 'store_unavailable' });
    await chmod(join(folder, 'incoming'), 0o700);
  });

  test('a full disk is storage_full, leaves nothing, and what was stored stays', async ({ skip }) => {
    const disk = await mountSmallDisk();
    skip(disk === undefined, 'only root may mount a small disk');
    try {
      const small = createFilesystemBlobStore({ folder: join(disk!, 'blobs') });
      await small.check();
      const { sha256 } = await small.put(Readable.from([randomBytes(300_000)]), limit);
      const chunks = Array.from({ length: 40 }, () => randomBytes(50_000));
      for (const stream of [Readable.from(chunks), Readable.from([Buffer.concat(chunks)])]) {
        expect(await failure(small.put(stream, limit))).toMatchObject({ code: 'storage_full', retryable: true });
      }
      expect(await readdir(join(disk!, 'blobs', 'incoming'))).toEqual([]);
      expect(await small.size(sha256)).toBe(300_000);
      const filler = join(disk!, 'filler');
      execFileSync('sh', ['-c', 'cat /dev/zero > "$1" 2>/dev/null; true', 'fill', filler]);
      expect(await failure(small.check())).toMatchObject({ code: 'storage_full' });
      await rm(filler);
      await small.check();
    } finally {
      execFileSync('umount', [disk!]);
      await rm(disk!, { recursive: true });
    }
  });

  async function mountSmallDisk(): Promise<string | undefined> {
    const disk = await mkdtemp(join(tmpdir(), 'glyphmill-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'ignore' });
      return disk;
    } catch {
      await rm(disk, { recursive: true });
      return undefined;
    }
  }
});
