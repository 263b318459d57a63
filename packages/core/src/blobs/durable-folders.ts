import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Only the service's own user has any business here. */
const privateMode = 0o700;

/** Folders whose own entries outlast a loss of power, which takes an fsync of all folders above them. */
export class DurableFolders {
  readonly #root: string;
  readonly #made = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Makes a folder below the root, or the root. The folders above are synced once even where this one was there already:
   * another process may have made it a moment ago and not have come to that yet.
   */
  make(folder: string): Promise<void> {
    const known = this.#made.get(folder);
    if (known !== undefined) return known;
    const made = this.#make(folder);
    this.#made.set(folder, made);
    made.catch(() => this.#made.delete(folder));
    return made;
  }

  /** Somebody removed folders that were made: they are made anew when they are needed. */
  forget(): void {
    this.#made.clear();
  }

  async #make(folder: string): Promise<void> {
    const parent = dirname(folder);
    if (folder === this.#root) {
      const first = await mkdir(folder, { recursive: true, mode: privateMode });
      for (let above = folder; first !== undefined && above.length >= first.length;) {
        above = dirname(above);
        await syncFolder(above);
      }
      return;
    }
    await this.make(parent);
    await mkdir(folder, { mode: privateMode }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await syncFolder(parent);
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
