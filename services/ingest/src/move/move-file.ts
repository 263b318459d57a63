import { type BigIntStats } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { JobRecord } from '@glyphmill/core/store';
import { errnoOf, isGone } from '../folder/file-fault.ts';
import { stampOf } from '../folder/file-stamp.ts';
import { type HeldFolder, splitPath, withFolder, withFolderAt } from '../folder/held-folder.ts';
import { numberedName } from './numbered-name.ts';
import { isReadingOf, readingFilesOf } from './reading-files.ts';
import { NameTaken, writeBeside } from './write-beside.ts';

/** At the top of the inbox; what is in there is read no more. */
export const endFolders = { done: 'done', failed: 'failed' } as const;

export interface MoveOptions {
  /** Within the inbox. */
  readonly path: string;
  /** As it was when its job was made. */
  readonly stamp: string;
  /** Has ended. */
  readonly job: JobRecord;
}

/** `changed`: it is another file by now, or none. */
export type MoveAnswer = 'moved' | 'changed';

const maxNumber = 10_000;
/** Larger than any reading: what is larger is somebody else's. */
const maxReadingBytes = 64_000_000n;

/**
 * Moves a file to `done` or `failed`, into the same subfolders, its reading beside it. Never over another file: a number
 * is added then. The file itself goes last: until then a next try finds what was written, and does the same again.
 */
export async function moveFile(inbox: HeldFolder, options: MoveOptions): Promise<MoveAnswer> {
  const { folder, name } = splitPath(options.path);
  const top = options.job.state === 'succeeded' ? endFolders.done : endFolders.failed;
  try {
    return await withFolderAt(inbox, folder, async (source) => {
      if (!(await isAsItWas(source, name, options.stamp))) return 'changed';
      return withMadeFolder(inbox, [top, ...folder.split('/').filter(Boolean)], (target) =>
        moveInto(target, { ...options, source, name }),
      );
    });
  } catch (error) {
    if (isGone(error)) return 'changed';
    throw error;
  }
}

async function isAsItWas(source: HeldFolder, name: string, stamp: string): Promise<boolean> {
  const stats = await source.look(name);
  return stats.isFile() && stampOf(stats) === stamp;
}

/** A link in the place of one of the folders is refused: it could lead anywhere. */
async function withMadeFolder<T>(
  parent: HeldFolder,
  names: readonly string[],
  work: (folder: HeldFolder) => Promise<T>,
): Promise<T> {
  const [first, ...rest] = names;
  if (first === undefined) return work(parent);
  const made = parent.makeFolder(first).catch((error: unknown) => {
    throw new Error(`The folder ${parent.pathOf(first)} cannot be used (${errnoOf(error)})`, { cause: error });
  });
  return withFolder(made, (folder) => withMadeFolder(folder, rest, work));
}

type Moving = MoveOptions & { readonly source: HeldFolder; readonly name: string };

async function moveInto(target: HeldFolder, moving: Moving): Promise<MoveAnswer> {
  const { source, name, job, path } = moving;
  const reading = readingFilesOf(job, path);
  for (let number = 1; number <= maxNumber; number += 1) {
    const free = numberedName(name, number);
    const [json, text] = [`${free}.json`, `${free}.txt`];
    if (await isThere(target, free)) continue;
    const isOurs = await isOwnReading(target, json, moving);
    if (!isOurs && ((await isThere(target, json)) || (await isThere(target, text)))) continue;
    const existing = isOurs ? 'replace' : 'keep';
    try {
      await writeBeside(target, { name: json, text: reading.json, existing });
      // Once the one is ours, so is the other.
      await writeBeside(target, { name: text, text: reading.text, existing: 'replace' });
    } catch (error) {
      if (error instanceof NameTaken) continue;
      throw error;
    }
    return renameFile(source, target, { name, free });
  }
  throw new Error(`There are ${maxNumber} files of this name already`);
}

async function renameFile(
  source: HeldFolder,
  target: HeldFolder,
  { name, free }: { readonly name: string; readonly free: string },
): Promise<MoveAnswer> {
  const before = await source.look(name);
  await rename(source.placeOf(name), target.placeOf(free));
  const after = await target.look(free);
  if (!isSameContent(before, after)) {
    // A new file came under the name at this very moment: it belongs where it was put, unless yet another came.
    if (!(await isThere(source, name))) await rename(target.placeOf(free), source.placeOf(name));
    return 'changed';
  }
  await target.sync();
  await source.sync();
  return 'moved';
}

function isSameContent(one: BigIntStats, other: BigIntStats): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs;
}

async function isThere(folder: HeldFolder, name: string): Promise<boolean> {
  try {
    await folder.look(name);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function isOwnReading(folder: HeldFolder, name: string, { job, path }: MoveOptions): Promise<boolean> {
  if (!(await isThere(folder, name))) return false;
  const handle = await folder.openFile(name);
  if (handle === undefined) return false;
  try {
    const { size } = await handle.stat({ bigint: true });
    return size <= maxReadingBytes && isReadingOf(await handle.readFile('utf8'), { id: job.id, path });
  } finally {
    await handle.close();
  }
}
