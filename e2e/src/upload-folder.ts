import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the API keeps uploads, seen from outside: tells how far a request has got before anybody answers it. */
export class UploadFolder {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'blobs');
  }

  /** Names of the files of which some bytes are written, and not all. */
  async unfinished(): Promise<string[]> {
    const folder = join(this.#folder, 'incoming');
    const names = await readdir(folder).catch(() => []);
    const sizes = await Promise.all(names.map((name) => sizeOf(join(folder, name))));
    return names.filter((_, index) => sizes[index]! > 0);
  }

  /** Which file holds an upload; it is another one each time that the same bytes were uploaded. Undefined: none. */
  async fileOf(bytes: Uint8Array): Promise<string | undefined> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const path = join(this.#folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    // A number is given to another file as soon as its own is gone, which may be the next upload of the same bytes.
    return found && `${found.ino} of ${found.birthtimeNs}`;
  }
}

/** 0 for a file that is gone. */
async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
