import type { ImageBytes } from './image-bytes.ts';

/** Bytes of a value by its type; 13 and above are of BigTIFF, but for IFD. */
const typeBytes: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};

/** Where the pixels lie, and how many bytes each piece of them has: strips, tiles, an old kind of JPEG. */
const pieceTags = [
  { offsets: 273, counts: 279 },
  { offsets: 324, counts: 325 },
  { offsets: 513, counts: 514 },
] as const;

interface Entry {
  readonly type: number;
  readonly count: number;
  /** Of the values, within the file. */
  readonly position: number;
}

/** What TIFF and BigTIFF say differently. */
interface Layout {
  readonly countBytes: number;
  readonly entryBytes: number;
  readonly pointerBytes: 4 | 8;
}

const classic: Layout = { countBytes: 2, entryBytes: 12, pointerBytes: 4 };
const big: Layout = { countBytes: 8, entryBytes: 20, pointerBytes: 8 };

/**
 * Whether each directory of a TIFF, what its entries point to, and the pieces of its pictures lie within the file. Many
 * programs write the directory last, and the place where it is after that: it is 0 until then.
 */
export async function isWholeTiff(image: ImageBytes): Promise<boolean> {
  const tiff = new Tiff(image, await image.read(0, 8));
  const seen = new Set<number>();
  let directory = await tiff.firstDirectory();
  if (directory === 0) return false;
  while (directory !== 0 && !seen.has(directory)) {
    seen.add(directory);
    const { entries, next } = await tiff.readDirectory(directory);
    // Without entries it is a place that was only made room for.
    if (entries.size === 0 || !(await tiff.holds(entries))) return false;
    directory = next;
  }
  return true;
}

class Tiff {
  readonly #image: ImageBytes;
  readonly #isLittle: boolean;
  readonly #layout: Layout;

  constructor(image: ImageBytes, head: Buffer) {
    this.#image = image;
    this.#isLittle = head[0] === 0x49;
    this.#layout = this.#number(head, 2, 2) === 43 ? big : classic;
  }

  async firstDirectory(): Promise<number> {
    const { pointerBytes } = this.#layout;
    return this.#number(await this.#image.read(pointerBytes, pointerBytes), 0, pointerBytes);
  }

  async readDirectory(position: number): Promise<{ entries: ReadonlyMap<number, Entry>; next: number }> {
    const { countBytes, entryBytes, pointerBytes } = this.#layout;
    const count = this.#number(await this.#image.read(position, countBytes), 0, countBytes);
    const start = position + countBytes;
    const table = await this.#image.read(start, count * entryBytes + pointerBytes);
    const entries = new Map<number, Entry>();
    for (let at = 0; at < count * entryBytes; at += entryBytes) {
      entries.set(this.#number(table, at, 2), this.#entry(table, { at, start }));
    }
    return { entries, next: this.#number(table, count * entryBytes, pointerBytes) };
  }

  async holds(entries: ReadonlyMap<number, Entry>): Promise<boolean> {
    const { bytes } = this.#image;
    for (const entry of entries.values()) if (entry.position + sizeOf(entry) > bytes) return false;
    for (const tags of pieceTags) {
      const offsets = await this.#values(entries.get(tags.offsets));
      const counts = await this.#values(entries.get(tags.counts));
      if (offsets.some((offset, index) => offset + (counts[index] ?? 0) > bytes)) return false;
    }
    return true;
  }

  /** Few values stand in the entry itself, more of them somewhere else. */
  #entry(table: Buffer, { at, start }: { readonly at: number; readonly start: number }): Entry {
    const { pointerBytes } = this.#layout;
    const type = this.#number(table, at + 2, 2);
    const count = this.#number(table, at + 4, pointerBytes);
    const valueAt = at + 4 + pointerBytes;
    const isInside = sizeOf({ type, count }) <= pointerBytes;
    return { type, count, position: isInside ? start + valueAt : this.#number(table, valueAt, pointerBytes) };
  }

  async #values(entry: Entry | undefined): Promise<number[]> {
    const bytes = typeBytes[entry?.type ?? 0];
    if (entry === undefined || (bytes !== 2 && bytes !== 4 && bytes !== 8)) return [];
    const values = await this.#image.read(entry.position, sizeOf(entry));
    return Array.from({ length: entry.count }, (_, index) => this.#number(values, index * bytes, bytes));
  }

  #number(buffer: Buffer, at: number, bytes: number): number {
    if (bytes === 8) return Number(this.#isLittle ? buffer.readBigUInt64LE(at) : buffer.readBigUInt64BE(at));
    return this.#isLittle ? buffer.readUIntLE(at, bytes) : buffer.readUIntBE(at, bytes);
  }
}

/** 0 for a type that is not known: nothing can be said of it. */
function sizeOf({ type, count }: Pick<Entry, 'type' | 'count'>): number {
  return (typeBytes[type] ?? 0) * count;
}
