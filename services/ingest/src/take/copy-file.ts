import type { FileHandle } from 'node:fs/promises';
import type { BlobStore } from '@glyphmill/core/blobs';
import { type ErrorCode, OcrError } from '@glyphmill/core/errors';
import { errnoOf, isForbidden, isGone } from '../folder/file-fault.ts';
import { type SeenFile, seenFileOf, stampOf } from '../folder/file-stamp.ts';
import { type HeldFolder, splitPath, withFolderAt } from '../folder/held-folder.ts';
import { looksWhole } from './looks-whole.ts';
import type { WaitingFile } from './waiting-files.ts';

export type CopyAnswer =
  | { readonly kind: 'copied'; readonly sha256: string; readonly bytes: number }
  /** It is being written, or was meanwhile: what was copied is nothing whole. */
  | { readonly kind: 'changed'; readonly now: SeenFile }
  /** An image whose end is missing: it may be better to wait. */
  | { readonly kind: 'unfinished' }
  /** No such file any more, or something else under its name. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly code: ErrorCode; readonly message: string };

export interface CopyOptions {
  readonly inbox: HeldFolder;
  readonly blobs: Pick<BlobStore, 'put'>;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** Few large pieces are cheaper than many small ones, on shares above all. */
const pieceBytes = 256 * 1024;

/**
 * Copies a file into the blob store and hashes it on the way, never holding the whole. The file must be as it was seen,
 * before and after. Throws what the blob store throws: that is not the file's fault.
 */
export async function copyFile(file: WaitingFile, options: CopyOptions): Promise<CopyAnswer> {
  const { folder, name } = splitPath(file.path);
  try {
    return await withFolderAt(options.inbox, folder, (held) => copyFrom(held, { ...options, file, name }));
  } catch (error) {
    if (error instanceof OcrError && error.code !== 'image_too_large') throw error;
    options.signal.throwIfAborted();
    return answerOf(error);
  }
}

type FileOptions = CopyOptions & { readonly file: WaitingFile; readonly name: string };

async function copyFrom(folder: HeldFolder, options: FileOptions): Promise<CopyAnswer> {
  const handle = await folder.openFile(options.name);
  if (handle === undefined) return { kind: 'gone' };
  try {
    return await copyHandle(handle, folder, options);
  } finally {
    await handle.close();
  }
}

async function copyHandle(handle: FileHandle, folder: HeldFolder, options: FileOptions): Promise<CopyAnswer> {
  const { file, name, blobs, maxBytes, signal } = options;
  const before = seenFileOf(file.path, await handle.stat({ bigint: true }));
  if (before.stamp !== file.stamp) return { kind: 'changed', now: before };
  if (before.bytes === 0) return unreadable('image_unreadable', 'The file is empty');
  if (before.bytes > maxBytes) return tooLarge();
  if (file.patience === 'none' && !(await looksWhole(handle, before.bytes))) return { kind: 'unfinished' };
  const content = handle.createReadStream({ autoClose: false, highWaterMark: pieceBytes });
  const { sha256, bytes } = await blobs.put(content, { maxBytes, signal });
  // By its name, too: another file may have been put in its place.
  const [after, atName] = await Promise.all([handle.stat({ bigint: true }), folder.look(name)]);
  if (stampOf(after) !== file.stamp || stampOf(atName) !== file.stamp || bytes !== file.bytes)
    return { kind: 'changed', now: seenFileOf(file.path, atName) };
  return { kind: 'copied', sha256, bytes };
}

/** Of what the file system threw. Its own message may name paths of the machine, and stays in the log. */
function answerOf(error: unknown): CopyAnswer {
  if (error instanceof OcrError) return tooLarge();
  if (isGone(error)) return { kind: 'gone' };
  if (isForbidden(error)) return unreadable('image_unreadable', 'The file may not be read');
  const errno = errnoOf(error);
  if (errno === '') throw error;
  return unreadable('image_unreadable', `The file could not be read (${errno})`);
}

function tooLarge(): CopyAnswer {
  return unreadable('image_too_large', 'The image has more bytes than allowed');
}

function unreadable(code: ErrorCode, message: string): CopyAnswer {
  return { kind: 'unreadable', code, message };
}
