import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFilesystemBlobStore } from '@glyphmill/core/blobs';
import { createLogger } from '@glyphmill/core/logging';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PictureKeeper } from './picture-keeper.ts';

const pictures = { preview: Buffer.from('large'), thumbnail: Buffer.from('small') };

let folder: string;
let now: number;
let logged: string[];
let lost: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-pictures-'));
  now = 0;
  logged = [];
  lost = 0;
});
afterEach(() => rm(folder, { recursive: true }));

const note = (...call: unknown[]) => void logged.push(JSON.stringify(call));
const logger = Object.assign(createLogger({ service: 'test', level: 'silent' }), { info: note, warn: note });

function keeper(keep: 'preview' | 'none' = 'preview') {
  const blobs = createFilesystemBlobStore({ folder: join(folder, 'blobs') });
  return { blobs, keeper: new PictureKeeper({ blobs, logger, keep, now: () => now, onLost: () => (lost += 1) }) };
}

test('keeps both pictures as blobs', async () => {
  const { blobs, keeper: pictureKeeper } = keeper();
  expect(pictureKeeper.wantsPictures).toBe(true);
  const stored = await pictureKeeper.put(pictures);
  expect([await blobs.read(stored!.previewSha256), await blobs.read(stored!.thumbnailSha256)]).toEqual([
    pictures.preview,
    pictures.thumbnail,
  ]);
  expect(logged).toEqual([]);
  expect(lost).toBe(0);
});

test('where KEEP_IMAGES says none, no page is drawn', () => {
  expect(keeper('none').keeper.wantsPictures).toBe(false);
});

test('a place that takes nothing: one warning without the path, a rest, and pictures again when it is back', async () => {
  const { keeper: pictureKeeper } = keeper();
  const inTheWay = join(folder, 'blobs');
  await writeFile(inTheWay, 'no folder can be made here');
  expect(await Promise.all([pictureKeeper.put(pictures), pictureKeeper.put(pictures)])).toEqual([undefined, undefined]);
  expect(pictureKeeper.wantsPictures).toBe(false);
  now = 60_000;
  expect(pictureKeeper.wantsPictures).toBe(true);
  expect(await pictureKeeper.put(pictures)).toBeUndefined();
  expect(pictureKeeper.wantsPictures).toBe(false);
  expect(logged).toHaveLength(1);
  expect(lost).toBe(3);
  expect(logged[0]).toMatch(/store_unavailable.*(EEXIST|ENOTDIR).*without pictures/);
  expect(logged[0]).not.toContain(folder);

  await rm(inTheWay);
  now = 120_000;
  const stored = await pictureKeeper.put(pictures);
  const { previewSha256: sha256 } = stored!;
  const path = join(folder, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  expect(await readFile(path, 'utf8')).toBe('large');
  expect(logged).toHaveLength(2);
  expect(logged[1]).toContain('kept again');
});
