import { randomUUID } from 'node:crypto';
import { open, readFile, rename, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { OcrError } from '../errors.ts';
import type { BlobStore, StoredBlob } from './blob-store.ts';
import { onDisk, unlessMissing } from './blob-failure.ts';
import { createBlobPaths, isSha256 } from './blob-paths.ts';
import { DurableFolders, syncFolder } from './durable-folders.ts';
import { maxSweepsAtOnce, restoreFromTrash, sweepBlobs } from './sweep-blobs.ts';
import { writeUpload } from './write-upload.ts';

const privateMode = 0o600;

/**
 * Blobs as files below `folder`, which is made when it is needed. Several processes may use one folder, as long as it is
 * one filesystem that keeps POSIX's promise of an atomic rename.
 */
export function createFilesystemBlobStore({ folder }: { readonly folder: string }): BlobStore {
  const paths = createBlobPaths(folder);
  const folders = new DurableFolders(folder);

  /** Runs `work` with a new file that is gone afterwards, unless `work` has moved it. */
  const withTemporaryFile = async <T>(work: (path: string, write: Write) => Promise<T>): Promise<T> => {
    const path = join(paths.incoming, randomUUID());
    await onDisk(() => folders.make(paths.incoming));
    const file = await onDisk(() => open(path, 'wx', privateMode));
    let isOpen = true;
    const write: Write = async (fill) => {
      const filled = await fill(file);
      await onDisk(async () => {
        // Bytes that were there already count as new from now on: a sweep goes by this time.
        const now = new Date();
        await file.utimes(now, now);
        await file.sync();
        isOpen = false;
        await file.close();
      });
      return filled;
    };
    try {
      return await work(path, write);
    } finally {
      if (isOpen) await file.close().catch(() => {});
      await unlink(path).catch(() => {});
    }
  };

  const place = async (temporary: string, sha256: string): Promise<void> => {
    const shard = paths.shard(sha256);
    await folders.make(shard);
    await rename(temporary, paths.blob(sha256));
    await syncFolder(shard);
  };

  const put = async (content: Readable, options: PutOptions): Promise<StoredBlob> => {
    // Without a listener an error that comes before the stream is read would end the process.
    content.on('error', () => {});
    try {
      return await withTemporaryFile(async (path, write) => {
        const stored = await write((file) => writeUpload(content, file, options));
        options.signal?.throwIfAborted();
        await onDisk(() => place(path, stored.sha256));
        return stored;
      });
    } catch (error) {
      content.destroy();
      // It may be that somebody removed a folder: the next put makes it anew.
      if (error instanceof OcrError && error.code === 'store_unavailable') folders.forget();
      throw error;
    }
  };

  /** Each sweep under way may have a young blob in its hands once, for a moment. */
  const find = async <T>(sha256: string, look: (path: string) => Promise<T>): Promise<T | undefined> => {
    if (!isSha256(sha256)) return undefined;
    return onDisk(async () => {
      for (let sweeps = 0; ; sweeps += 1) {
        const found = await unlessMissing(look(paths.blob(sha256)));
        if (found !== undefined || sweeps === maxSweepsAtOnce) return found;
        await restoreFromTrash(paths, sha256);
      }
    });
  };

  return {
    put,
    size: (sha256) => find(sha256, async (path) => (await stat(path)).size),
    async touch(sha256) {
      const touched = await find(sha256, async (path) => {
        const now = new Date();
        await utimes(path, now, now);
        return true;
      });
      return touched === true;
    },
    read: (sha256) => find(sha256, (path) => readFile(path)),
    sweep: (options) => onDisk(() => sweepBlobs(paths, options)),
    check: () =>
      withTemporaryFile((_path, write) => write((file) => onDisk(() => file.writeFile('check')))).catch(
        (error: unknown) => {
          // As with put: where nothing is ever put, only this makes a removed folder anew.
          folders.forget();
          throw error;
        },
      ),
  };
}

type PutOptions = Parameters<BlobStore['put']>[1];
type Write = <T>(fill: (file: Awaited<ReturnType<typeof open>>) => Promise<T>) => Promise<T>;
