import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';
import { errnoOf } from '../folder/file-fault.ts';
import type { HeldFolder } from '../folder/held-folder.ts';

const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
/** Shares and file systems without hard links. */
const noLinkCodes: ReadonlySet<string> = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EACCES']);

/** Somebody else has put a file under the name that was free a moment ago. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken';
}

/**
 * Writes a whole file or none: aside, flushed, then under its name. `replace` only what a former try has written; else
 * throws NameTaken where there is a file. What is left aside by a process that was killed, the next try writes over.
 */
export async function writeBeside(
  folder: HeldFolder,
  { name, text, existing }: { readonly name: string; readonly text: string; readonly existing: 'replace' | 'keep' },
): Promise<void> {
  // Short, however long the name is; hidden, so that nobody takes it for a result.
  const aside = folder.placeOf(`.${createHash('sha256').update(name).digest('hex').slice(0, 16)}.part`);
  const file = await open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o666);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  if (existing === 'replace') return rename(aside, folder.placeOf(name));
  try {
    await link(aside, folder.placeOf(name));
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw new NameTaken(name);
    if (!noLinkCodes.has(errnoOf(error))) throw error;
    return rename(aside, folder.placeOf(name));
  }
  return unlink(aside);
}
