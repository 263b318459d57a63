import { type BigIntStats, constants, type Dirent, existsSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';

const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const descriptorsFolder = '/proc/self/fd';
const hasDescriptorsFolder = existsSync(descriptorsFolder);
/** Entries that are asked for at a time. */
const entriesAtOnce = 256;

/**
 * A folder of the inbox, held by its descriptor. What is in it is reached from there (`/proc/self/fd/N/name`) and each
 * step refuses links, so that whoever may write to the inbox cannot lead us out of it, not even by putting a link into a
 * folder's place between two looks. Systems without that folder find things by their path, where that trick works.
 */
export class HeldFolder {
  /** Within the inbox, with `/` between folders; the inbox itself is ''. */
  readonly path: string;
  /** Of the folder itself: another one under its path has another. */
  readonly identity: string;
  readonly #handle: FileHandle;
  readonly #place: string;

  private constructor(parts: { path: string; place: string; handle: FileHandle; stats: BigIntStats }) {
    this.path = parts.path;
    this.#handle = parts.handle;
    this.#place = hasDescriptorsFolder ? `${descriptorsFolder}/${parts.handle.fd}` : parts.place;
    this.identity = `${parts.stats.dev}-${parts.stats.ino}`;
  }

  /** The inbox itself may be a link: the operator named it. */
  static openInbox(folder: string): Promise<HeldFolder> {
    return HeldFolder.#open({ path: '', place: folder, flags: O_RDONLY | O_DIRECTORY });
  }

  static async #open({ path, place, flags }: { path: string; place: string; flags: number }): Promise<HeldFolder> {
    const handle = await open(place, flags);
    try {
      return new HeldFolder({ path, place, handle, stats: await handle.stat({ bigint: true }) });
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Where the file system finds an entry of this folder, as long as the folder is held. */
  placeOf(name: string): string {
    return join(this.#place, name);
  }

  /** Within the inbox. */
  pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}/${name}`;
  }

  /** Throws ENOTDIR or ELOOP for a link. */
  openFolder(name: string): Promise<HeldFolder> {
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    return HeldFolder.#open({ path: this.pathOf(name), place: this.placeOf(name), flags });
  }

  /** Made where it is missing. */
  async makeFolder(name: string): Promise<HeldFolder> {
    await mkdir(this.placeOf(name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    return this.openFolder(name);
  }

  /**
   * A regular file, for reading; undefined for anything else. It was looked at before, since opening a device may do
   * things; what was put into its place since then does not keep us waiting.
   */
  async openFile(name: string): Promise<FileHandle | undefined> {
    if (!(await this.look(name)).isFile()) return undefined;
    const handle = await open(this.placeOf(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    return undefined;
  }

  /** Follows no link. */
  look(name: string): Promise<BigIntStats> {
    return lstat(this.placeOf(name), { bigint: true });
  }

  async *entries(): AsyncGenerator<Dirent> {
    yield* await opendir(this.#place, { bufferSize: entriesAtOnce });
  }

  /** Makes what was renamed here outlast a loss of power. */
  sync(): Promise<void> {
    return this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Runs `work` with a folder that is let go afterwards. */
export async function withFolder<T>(
  opening: Promise<HeldFolder>,
  work: (folder: HeldFolder) => Promise<T>,
): Promise<T> {
  const folder = await opening;
  try {
    return await work(folder);
  } finally {
    await folder.close();
  }
}

/** Runs `work` with the folder below the inbox that has this path, reached without following a link. */
export async function withFolderAt<T>(
  inbox: HeldFolder,
  path: string,
  work: (folder: HeldFolder) => Promise<T>,
): Promise<T> {
  if (path === '') return work(inbox);
  const [first = '', ...rest] = path.split('/');
  return withFolder(inbox.openFolder(first), (folder) => withFolderAt(folder, rest.join('/'), work));
}

/** Folder and name of a path within the inbox. */
export function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const at = path.lastIndexOf('/');
  return { folder: path.slice(0, Math.max(at, 0)), name: path.slice(at + 1) };
}
