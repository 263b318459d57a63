import { readFile, stat } from 'node:fs/promises';
import type { BlobReader } from './blob-store.ts';
import { onDisk, unlessMissing } from './blob-failure.ts';
import { createBlobPaths, isSha256 } from './blob-paths.ts';
import { maxSweepsAtOnce, pathsInTrash } from './sweep-blobs.ts';

/** Reads the blobs of a filesystem blob store and never changes anything in its folder, which may be mounted read-only. */
export function createFilesystemBlobReader({ folder }: { readonly folder: string }): BlobReader {
  const paths = createBlobPaths(folder);

  /** What a sweep has moved aside is looked at where it lies; each sweep under way may move a blob there and back once. */
  const find = async <T>(sha256: string, look: (path: string) => Promise<T>): Promise<T | undefined> => {
    if (!isSha256(sha256)) return undefined;
    return onDisk(async () => {
      for (let sweeps = 0; ; sweeps += 1) {
        const found = await unlessMissing(look(paths.blob(sha256)));
        if (found !== undefined || sweeps === maxSweepsAtOnce) return found;
        for await (const path of pathsInTrash(paths, sha256)) {
          const aside = await unlessMissing(look(path));
          if (aside !== undefined) return aside;
        }
      }
    });
  };

  return {
    size: (sha256) => find(sha256, async (path) => (await stat(path)).size),
    read: (sha256) => find(sha256, (path) => readFile(path)),
  };
}
