import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface DiskSpeed {
  /** Pages of 4 KiB, each written at the end of a file and on disk before the next. */
  readonly fsyncsPerSecond: number;
}

const pageBytes = 4096;
const measureMs = 2000;

/** What a database on this disk cannot do faster: each commit of its own waits for one of these. */
export async function measureDisk(folder: string): Promise<DiskSpeed> {
  const path = join(folder, 'fsync-test');
  const file = await open(path, 'w');
  try {
    const page = Buffer.alloc(pageBytes, 1);
    const startedAt = performance.now();
    let count = 0;
    while (performance.now() - startedAt < measureMs) {
      await file.write(page);
      await file.sync();
      count++;
    }
    return { fsyncsPerSecond: (count * 1000) / (performance.now() - startedAt) };
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}
