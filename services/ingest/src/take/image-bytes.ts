import type { FileHandle } from 'node:fs/promises';

/** Thrown out of a look at a file as soon as it is known how it ends. */
export class LookEnds extends Error {
  override readonly name = 'LookEnds';
  readonly isWhole: boolean;

  constructor({ isWhole }: { readonly isWhole: boolean }) {
    super(isWhole ? 'Enough was looked at' : 'The end is missing');
    this.isWhole = isWhole;
  }
}

/** More than the tables of any picture take; a file that leads us around in it is not read over and over. */
const maxReadBytes = 16_000_000;
/** What the shortest read counts for: some ten thousand of them are enough, too. */
const readCostBytes = 512;

/** A file of which parts are looked at. */
export class ImageBytes {
  /** Of the whole file, as it is now. */
  readonly bytes: number;
  readonly #file: FileHandle;
  #left = maxReadBytes;

  constructor({ file, bytes }: { readonly file: FileHandle; readonly bytes: number }) {
    this.#file = file;
    this.bytes = bytes;
  }

  /** Throws LookEnds where the file has no such bytes, or enough was read of it. */
  async read(position: number, length: number): Promise<Buffer> {
    this.#left -= Math.max(length, readCostBytes);
    if (position + length > this.bytes) throw new LookEnds({ isWhole: false });
    if (this.#left < 0) throw new LookEnds({ isWhole: true });
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await this.#file.read(buffer, 0, length, position);
    if (bytesRead < length) throw new LookEnds({ isWhole: false });
    return buffer;
  }
}
