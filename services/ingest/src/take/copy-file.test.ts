import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFilesystemBlobStore } from '@glyphmill/core/blobs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seenFileOf } from '../folder/file-stamp.ts';
import { HeldFolder, withFolder } from '../folder/held-folder.ts';
import { copyFile } from './copy-file.ts';
import type { Patience } from './waiting-files.ts';

const samples = new URL('../../../../packages/ocr/samples/', import.meta.url);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-copy-'));
});
afterAll(() => rm(folder, { recursive: true }));

test.each(['gift-card.png', 'gray.jpg', 'sample.gif', 'sample.webp', 'sample.tiff', 'sample.avif'])(
  '%s without its end is not taken, until it had patience enough',
  async (name) => {
    const image = await readFile(new URL(name, samples));
    await writeFile(join(folder, name), image.subarray(0, image.length / 2));
    const blobs = createFilesystemBlobStore({ folder: join(folder, 'blobs') });
    const copy = (patience: Patience) =>
      withFolder(HeldFolder.openInbox(folder), async (inbox) =>
        copyFile(
          { ...seenFileOf(name, await inbox.look(name)), isRepeat: false, patience },
          { inbox, blobs, maxBytes: 1_000_000, signal: new AbortController().signal },
        ),
      );
    expect(await copy('none')).toEqual({ kind: 'unfinished' });
    expect(await copy('unfinished')).toMatchObject({ kind: 'copied' });
  },
);
