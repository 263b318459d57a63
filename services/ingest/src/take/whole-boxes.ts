import type { ImageBytes } from './image-bytes.ts';

interface Box {
  readonly type: string;
  /** Of what is in it, within the file. */
  readonly start: number;
  readonly end: number;
}

/**
 * Whether the boxes of an AVIF (ISO-BMFF) lie within the file, and the pixels that its table of items (`iloc`) tells of.
 * The boxes alone do not say it: a file may end between two of them, and the last one may have no size.
 */
export async function isWholeAvif(image: ImageBytes): Promise<boolean> {
  const boxes = new Map<string, Box>();
  for await (const box of boxesIn(image, { start: 0, end: image.bytes })) {
    if (box.end > image.bytes) {
      if (neededBoxes.has(box.type)) return false;
      break;
    }
    boxes.set(box.type, box);
  }
  const meta = boxes.get('meta');
  if (meta !== undefined) return holdsItems(image, meta);
  return boxes.has('moov') && boxes.has('mdat');
}

/** What looks like another box beyond these may be what a phone has written behind the picture. */
const neededBoxes: ReadonlySet<string> = new Set(['ftyp', 'meta', 'moov', 'mdat']);

/** Until something is no box. */
async function* boxesIn(
  image: ImageBytes,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<Box> {
  let at = start;
  while (at + 8 <= end) {
    const head = await image.read(at, 8);
    const type = head.toString('latin1', 4);
    const size = head.readUInt32BE(0);
    const isLarge = size === 1;
    const bytes = isLarge ? Number((await image.read(at + 8, 8)).readBigUInt64BE(0)) : size;
    const box = { type, start: at + (isLarge ? 16 : 8), end: bytes === 0 ? end : at + bytes };
    if (!/^[ -~]{4}$/.test(type) || box.end < box.start) return;
    yield box;
    at = box.end;
  }
}

/** Version and flags stand before the boxes. */
const fullBoxBytes = 4;

async function holdsItems(image: ImageBytes, meta: Box): Promise<boolean> {
  for await (const box of boxesIn(image, { start: meta.start + fullBoxBytes, end: meta.end })) {
    if (box.type !== 'iloc') continue;
    const table = await image.read(box.start, box.end - box.start);
    return endOfItems(table) <= image.bytes;
  }
  return true;
}

/** Where the last byte of all items lies that are in the file itself; 0 for a table that makes no sense. */
function endOfItems(table: Buffer): number {
  try {
    return readItems(table);
  } catch (error) {
    if (error instanceof RangeError) return 0;
    throw error;
  }
}

function readItems(table: Buffer): number {
  let at = 0;
  const next = (bytes: number): number => {
    at += bytes;
    if (bytes === 8) return Number(table.readBigUInt64BE(at - 8));
    return bytes === 0 ? 0 : table.readUIntBE(at - bytes, bytes);
  };
  const version = next(1);
  next(3);
  const [offsetAndLength, baseAndIndex] = [next(1), next(1)];
  const sizes = {
    offset: offsetAndLength >> 4,
    length: offsetAndLength & 15,
    base: baseAndIndex >> 4,
    index: version === 0 ? 0 : baseAndIndex & 15,
  };
  const isSaying = sizes.offset + sizes.length > 0;
  const idBytes = version < 2 ? 2 : 4;
  let end = 0;
  for (let items = next(idBytes); items > 0; items -= 1) {
    next(idBytes);
    // 0: within the file; 1: within the table's own box; 2: within another item.
    const method = version === 0 ? 0 : next(2) & 15;
    const file = next(2);
    const base = next(sizes.base);
    const extentCount = next(2);
    // Extents that take no bytes say nothing, however many there are.
    for (let extents = isSaying ? extentCount : 0; extents > 0; extents -= 1) {
      next(sizes.index);
      const extentEnd = base + next(sizes.offset) + next(sizes.length);
      if (method === 0 && file === 0) end = Math.max(end, extentEnd);
    }
  }
  return end;
}
