import { join } from 'node:path';

/** Where things lie below the folder of a filesystem blob store. */
export interface BlobPaths {
  readonly root: string;
  /** Uploads that are being written. */
  readonly incoming: string;
  /** Blobs that a sweep is about to delete, as `<sha256>.<anything>`. */
  readonly trash: string;
  /** `ab/cd/abcd…`: no folder of a million blobs has more than a few dozen entries. */
  shard(sha256: string): string;
  blob(sha256: string): string;
}

export function createBlobPaths(folder: string): BlobPaths {
  const shard = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256.slice(2, 4));
  return {
    root: folder,
    incoming: join(folder, 'incoming'),
    trash: join(folder, 'trash'),
    shard,
    blob: (sha256) => join(shard(sha256), sha256),
  };
}

/** Anything else never becomes part of a path. */
export function isSha256(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
