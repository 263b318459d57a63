import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { type BlobStore, createFilesystemBlobStore } from '@glyphmill/core/blobs';
import { OcrError } from '@glyphmill/core/errors';
import { createLogger } from '@glyphmill/core/logging';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoppedWaiting, StorePatience } from './store-patience.ts';
import { UploadReader } from './upload-reader.ts';

const never = new AbortController().signal;
const sha256 = 'ab'.repeat(32);

let parent: string;
let folder: string;
let blobs: BlobStore;
let patience: StorePatience;
let uploads: UploadReader;
let logged: string[];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'glyphmill-uploads-'));
  folder = join(parent, 'blobs');
  blobs = createFilesystemBlobStore({ folder });
  logged = [];
  const note = (about: unknown, message: string) => void logged.push(`${message} ${JSON.stringify(about)}`);
  const logger = Object.assign(createLogger({ service: 'test', level: 'silent' }), { info: note, warn: note });
  patience = new StorePatience({ place: 'place of uploads', begins: 'open', check: () => blobs.check(), logger });
  uploads = new UploadReader({ blobs, patience, logger });
});
afterEach(async () => {
  patience.close();
  await rm(parent, { recursive: true });
});

/** A folder where the file should be cannot be read by anybody, like a bad sector. */
async function putUnreadable(): Promise<void> {
  await mkdir(join(folder, 'ab', 'ab', sha256), { recursive: true });
}

test('an upload that is there is read; of one that is not nobody complains', async () => {
  const stored = await blobs.put(Readable.from([Buffer.from('image')]), { maxBytes: 100 });
  expect(await uploads.size(stored.sha256, never)).toBe(5);
  expect(Buffer.from((await uploads.read(stored.sha256, never)) ?? []).toString()).toBe('image');
  expect(await uploads.read(sha256, never)).toBeUndefined();
  expect(logged).toEqual([]);
});

test('one that cannot be read ends its job in a way that may pass, and the folder does not count as away', async () => {
  await putUnreadable();
  const seen: boolean[] = [];
  const watch = setInterval(() => seen.push(patience.isAway), 10);
  await expect(uploads.read(sha256, never)).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
  clearInterval(watch);
  expect(seen.length).toBeGreaterThan(5);
  expect(new Set(seen)).toEqual(new Set([false]));
  expect(logged).toEqual([expect.stringMatching(/^An upload cannot be read .*EISDIR/)]);
  expect(logged.join()).not.toContain(folder);
});

test('a full disk does not make the folder of an unreadable one count as away', async () => {
  await putUnreadable();
  const full = () => Promise.reject(new OcrError('storage_full', 'There is no room'));
  const logger = createLogger({ service: 'test', level: 'silent' });
  const reader = new UploadReader({ blobs: { ...blobs, check: full }, patience, logger });
  await expect(reader.read(sha256, never)).rejects.toMatchObject({ code: 'store_unavailable' });
});

test('a folder that is away is waited for', async () => {
  const stored = await blobs.put(Readable.from([Buffer.from('image')]), { maxBytes: 100 });
  const elsewhere = join(parent, 'elsewhere');
  await rename(folder, elsewhere);
  // What is there now is no folder: nothing can be read nor written.
  await writeFile(folder, '');
  const reading = uploads.read(stored.sha256, never);
  await delay(1_500);
  expect(patience.isAway).toBe(true);
  await rm(folder);
  await rename(elsewhere, folder);
  expect(Buffer.from((await reading) ?? []).toString()).toBe('image');
  expect(patience.isAway).toBe(false);
  expect(logged.map((line) => line.split(' {')[0])).toEqual([
    'The place of uploads is away',
    'The place of uploads is back',
  ]);
});

test('the wait ends with its signal', async () => {
  await mkdir(dirname(folder), { recursive: true });
  await writeFile(folder, '');
  const stop = new AbortController();
  const reading = uploads.read(sha256, stop.signal);
  setTimeout(() => stop.abort('drain'), 300);
  await expect(reading).rejects.toThrow(StoppedWaiting);
});
