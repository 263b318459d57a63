import { isGone } from './file-fault.ts';
import { type SeenFile, seenFileOf } from './file-stamp.ts';
import type { HeldFolder } from './held-folder.ts';
import { isImageName, isInboxFolderName } from './names.ts';
import { isNameUnclear, NotLookedAt } from './walk-faults.ts';

export interface Walk {
  /** Ends the walk: it throws the signal's reason. */
  readonly signal: AbortSignal;
  /** Folders at the top that are none of ours, in lower case: not every share tells cases apart. */
  readonly left: ReadonlySet<string>;
  /** Each folder, when it is entered. */
  readonly onFolder: (folder: HeldFolder) => void;
  /** A file that is no image, by its name or by what it is. */
  readonly onIgnored: () => void;
  /** A folder or file that could not be looked at. */
  readonly onFault: (path: string, error: unknown) => void;
}

/** Looks at a time: enough to keep a slow share busy, few enough to leave threads to others. */
const looksAtOnce = 16;
const filesAtOnce = 512;
/** Each level holds a descriptor. */
const maxDepth = 64;
/** In UTF-8. Paths are keys in the store, and Postgres refuses keys of some 2,700 bytes. */
const maxPathBytes = 2_000;

/** All images of a folder and those below, some hundred at a time: nothing is kept of what was yielded. */
export async function* walkFolder(folder: HeldFolder, walk: Walk, depth = 0): AsyncGenerator<SeenFile[]> {
  walk.onFolder(folder);
  const subfolders: string[] = [];
  let names: string[] = [];
  for await (const entry of folder.entries()) {
    walk.signal.throwIfAborted();
    if (entry.isDirectory()) {
      if (isOurs(folder, entry.name, walk)) subfolders.push(entry.name);
    } else if (entry.isFile() && isImageName(entry.name)) names.push(entry.name);
    else walk.onIgnored();
    if (names.length < filesAtOnce) continue;
    yield await lookAtFiles(folder, names, walk);
    names = [];
  }
  yield await lookAtFiles(folder, names, walk);
  for (const name of subfolders) yield* walkSubfolder(folder, name, { walk, depth: depth + 1 });
}

async function* walkSubfolder(
  folder: HeldFolder,
  name: string,
  { walk, depth }: { readonly walk: Walk; readonly depth: number },
): AsyncGenerator<SeenFile[]> {
  let subfolder: HeldFolder;
  try {
    if (depth > maxDepth) throw new NotLookedAt('too_deep');
    checkLength(folder.pathOf(name));
    subfolder = await folder.openFolder(name);
  } catch (error) {
    if (!isGone(error) || isNameUnclear(name)) walk.onFault(folder.pathOf(name), error);
    return;
  }
  try {
    yield* walkFolder(subfolder, walk, depth);
  } catch (error) {
    // One folder that a broken disk cannot list is no reason to leave out all others.
    walk.signal.throwIfAborted();
    walk.onFault(subfolder.path, error);
  } finally {
    await subfolder.close();
  }
}

/** What an event told about: images among these names, and all below those that are folders. */
export async function* lookAtNames(
  folder: HeldFolder,
  names: readonly string[],
  walk: Walk,
): AsyncGenerator<SeenFile[]> {
  const images = names.filter((name) => isImageName(name));
  const files = await lookAtFiles(folder, images, { ...walk, onIgnored: () => undefined });
  yield files;
  const found = new Set(files.map(({ path }) => path));
  const depth = folder.path === '' ? 1 : folder.path.split('/').length + 1;
  for (const name of names) {
    if (!found.has(folder.pathOf(name)) && isOurs(folder, name, walk))
      yield* walkSubfolder(folder, name, { walk, depth });
  }
}

function isOurs(folder: HeldFolder, name: string, { left }: Walk): boolean {
  return isInboxFolderName(name) && !(folder.path === '' && left.has(name.toLowerCase()));
}

async function lookAtFiles(folder: HeldFolder, names: readonly string[], walk: Walk): Promise<SeenFile[]> {
  const found: SeenFile[] = [];
  for (let at = 0; at < names.length; at += looksAtOnce) {
    walk.signal.throwIfAborted();
    const looks = names.slice(at, at + looksAtOnce).map((name) => lookAtFile(folder, name, walk));
    for (const file of await Promise.all(looks)) if (file !== undefined) found.push(file);
  }
  return found;
}

async function lookAtFile(folder: HeldFolder, name: string, walk: Walk): Promise<SeenFile | undefined> {
  try {
    const stats = await folder.look(name);
    if (stats.isFile()) {
      checkLength(folder.pathOf(name));
      return seenFileOf(folder.pathOf(name), stats);
    }
    walk.onIgnored();
  } catch (error) {
    // A name that was told us wrong is there, although nothing can be found under it.
    if (!isGone(error) || isNameUnclear(name)) walk.onFault(folder.pathOf(name), error);
  }
  return undefined;
}

function checkLength(path: string): void {
  if (Buffer.byteLength(path) > maxPathBytes) throw new NotLookedAt('path_too_long');
}
