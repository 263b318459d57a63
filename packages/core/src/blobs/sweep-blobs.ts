import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { link, mkdir, opendir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobStore } from './blob-store.ts';
import { codeOf, unlessMissing } from './blob-failure.ts';
import { type BlobPaths, isSha256 } from './blob-paths.ts';

type SweepOptions = Parameters<BlobStore['sweep']>[0];

/** One is usual; another may run where a former leader has not noticed yet that it no longer is. */
export const maxSweepsAtOnce = 4;
/** Asked about at once: keeps both memory and the query small, whatever the number of blobs. */
const blobsPerQuestion = 500;

/**
 * Deletes what is old and unused. A job is accepted only after a put, which makes its blob young, but that put may come
 * between any two of our steps. So a blob is first moved aside, and what was moved is looked at once more: was it young,
 * it goes back. From then on a put makes a new file. Readers find what is aside meanwhile (`restoreFromTrash`, or `pathsInTrash` where they may
 * not write).
 */
export async function sweepBlobs(paths: BlobPaths, { minAgeMs, inUse }: SweepOptions): Promise<number> {
  const cutoff = Date.now() - minAgeMs;
  await restoreFromTrash(paths);
  for await (const path of filesIn(paths.incoming)) {
    if (await isOlder(path, cutoff)) await unlessMissing(unlink(path));
  }
  let deleted = 0;
  let candidates: string[] = [];
  const deleteUnused = async (): Promise<void> => {
    if (candidates.length === 0) return;
    const used = await inUse(candidates);
    await mkdir(paths.trash, { recursive: true, mode: 0o700 });
    for (const sha256 of candidates) {
      if (!used.has(sha256) && (await deleteIfOlder(paths, sha256, cutoff))) deleted += 1;
    }
    candidates = [];
  };
  for await (const sha256 of blobsIn(paths)) {
    if (!(await isOlder(paths.blob(sha256), cutoff))) continue;
    candidates.push(sha256);
    if (candidates.length >= blobsPerQuestion) await deleteUnused();
  }
  await deleteUnused();
  return deleted;
}

/** Puts back what a sweep has moved aside, or what it left there when its process died; of one blob, or of all. */
export async function restoreFromTrash(paths: BlobPaths, only?: string): Promise<void> {
  for await (const path of filesIn(paths.trash)) {
    const sha256 = sha256InTrash(paths, path);
    if (isSha256(sha256) && (only === undefined || sha256 === only)) await putBack(path, paths.blob(sha256));
  }
}

/** Where a blob lies that a sweep has moved aside: once for each sweep that did. */
export async function* pathsInTrash(paths: BlobPaths, sha256: string): AsyncGenerator<string> {
  for await (const path of filesIn(paths.trash)) {
    if (sha256InTrash(paths, path) === sha256) yield path;
  }
}

function sha256InTrash(paths: BlobPaths, path: string): string {
  return path.slice(paths.trash.length + 1).split('.')[0] ?? '';
}

/** Never over a file that a put has made meanwhile: that one is younger. */
async function putBack(aside: string, path: string): Promise<void> {
  await link(aside, path).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST' && codeOf(error) !== 'ENOENT') throw error;
  });
  await unlessMissing(unlink(aside));
}

async function deleteIfOlder(paths: BlobPaths, sha256: string, cutoff: number): Promise<boolean> {
  const aside = join(paths.trash, `${sha256}.${randomUUID()}`);
  try {
    await rename(paths.blob(sha256), aside);
    if (!(await isOlder(aside, cutoff))) {
      await putBack(aside, paths.blob(sha256));
      return false;
    }
    await unlink(aside);
    return true;
  } catch (error) {
    // Gone, or put back by somebody who reads it.
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function isOlder(path: string, cutoff: number): Promise<boolean> {
  const found = await unlessMissing(stat(path));
  return found !== undefined && found.mtimeMs <= cutoff;
}

async function* blobsIn(paths: BlobPaths): AsyncGenerator<string> {
  for await (const first of entriesOf(paths.root)) {
    if (!/^[0-9a-f]{2}$/.test(first.name)) continue;
    for await (const second of entriesOf(join(paths.root, first.name))) {
      for await (const { name } of entriesOf(join(paths.root, first.name, second.name))) {
        if (isSha256(name) && name.startsWith(first.name + second.name)) yield name;
      }
    }
  }
}

async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const entry of entriesOf(folder)) {
    if (entry.isFile()) yield join(folder, entry.name);
  }
}

/** None where there is no such folder. */
async function* entriesOf(folder: string): AsyncGenerator<Dirent> {
  const opened = await opendir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  });
  if (opened !== undefined) yield* opened;
}
