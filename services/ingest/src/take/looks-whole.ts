import type { FileHandle } from 'node:fs/promises';
import { ImageBytes, LookEnds } from './image-bytes.ts';
import { isWholeAvif } from './whole-boxes.ts';
import { isWholeTiff } from './whole-tiff.ts';

interface Format {
  /** How a file of it begins, and after how many bytes. */
  readonly magic: Buffer;
  readonly magicAt?: number;
  readonly isWhole: (image: ImageBytes) => Promise<boolean>;
}

const headBytes = 16;
/** Phones write things of their own behind an image's end. */
const tailBytes = 64 * 1024;

const pngEnd = Buffer.from('0000000049454e44ae426082', 'hex');
const jpegEnd = Buffer.from('ffd9', 'hex');

const formats: readonly Format[] = [
  { magic: Buffer.from('89504e470d0a1a0a', 'hex'), isWhole: async (image) => (await tailOf(image)).includes(pngEnd) },
  { magic: Buffer.from('ffd8ff', 'hex'), isWhole: isWholeJpeg },
  { magic: Buffer.from('GIF8'), isWhole: async (image) => (await tailOf(image)).at(-1) === 0x3b },
  {
    magic: Buffer.from('RIFF'),
    isWhole: async (image) => image.bytes >= (await image.read(4, 4)).readUInt32LE(0) + 8,
  },
  ...['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].map((magic) => ({ magic: Buffer.from(magic), isWhole: isWholeTiff })),
  { magic: Buffer.from('ftyp'), magicAt: 4, isWhole: isWholeAvif },
];

/** The end of an embedded thumbnail looks the same: in a short file only one at its very end counts. */
async function isWholeJpeg(image: ImageBytes): Promise<boolean> {
  const tail = await tailOf(image);
  if (image.bytes > 2 * tailBytes) return tail.includes(jpegEnd);
  return tail
    .subarray(0, lastNonZero(tail) + 1)
    .subarray(-2)
    .equals(jpegEnd);
}

function lastNonZero(bytes: Buffer): number {
  let at = bytes.length - 1;
  while (at >= 0 && bytes[at] === 0) at -= 1;
  return at;
}

function tailOf(image: ImageBytes): Promise<Buffer> {
  const length = Math.min(tailBytes, image.bytes);
  return image.read(image.bytes - length, length);
}

/**
 * False for an image whose end is missing, most likely since it is still being copied and its writer made a pause. What
 * is of no format that is known here counts as whole: to tell what can be read is the engine's business.
 */
export async function looksWhole(file: FileHandle, bytes: number): Promise<boolean> {
  const image = new ImageBytes({ file, bytes });
  try {
    const head = await image.read(0, Math.min(headBytes, bytes));
    const format = formats.find(({ magic, magicAt = 0 }) =>
      head.subarray(magicAt, magicAt + magic.length).equals(magic),
    );
    if (format === undefined) return true;
    return head.length === headBytes && (await format.isWhole(image));
  } catch (error) {
    if (error instanceof LookEnds) return error.isWhole;
    throw error;
  }
}
