import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onDisk } from './blob-failure.ts';

/**
 * Runs `work` with a file that has no name from the start: whatever becomes of this process, nobody else opens it and
 * nothing is left of it. It lies in the system's folder for temporary files. Throws
 * what `onDisk` makes of the disk's faults, and what `work` throws.
 */
export async function withUnnamedFile<T>(work: (file: FileHandle) => Promise<T>): Promise<T> {
  const path = join(tmpdir(), `glyphmill-${randomUUID()}`);
  const file = await onDisk(() => open(path, 'wx+', 0o600));
  try {
    await onDisk(() => unlink(path));
    return await work(file);
  } finally {
    await file.close();
  }
}
