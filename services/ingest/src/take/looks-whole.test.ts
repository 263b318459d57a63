import { open, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { looksWhole } from './looks-whole.ts';

const samples = new URL('../../../../packages/ocr/samples/', import.meta.url);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-whole-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function isWhole(content: Uint8Array): Promise<boolean> {
  return (await wholeLengths(content, [content.length])).length === 1;
}

/** Those of the lengths with which the beginning of the content is whole. */
async function wholeLengths(content: Uint8Array, lengths: readonly number[]): Promise<number[]> {
  const path = join(folder, 'file');
  await writeFile(path, content);
  const file = await open(path);
  try {
    const whole: number[] = [];
    for (const length of lengths) if (await looksWhole(file, length)) whole.push(length);
    return whole;
  } finally {
    await file.close();
  }
}

const allLengths = (content: Uint8Array, from: number) =>
  Array.from({ length: content.length - from + 1 }, (_, n) => from + n);

const names = 'alpha.png gift-card.png gray.jpg tilted.jpg sample.gif sample.webp sample.tiff sample.avif'.split(' ');

test.each(names)('%s: whole, and not when anything is missing at its end', async (name) => {
  const image = await readFile(new URL(name, samples));
  expect(await isWhole(image)).toBe(true);
  for (const share of [0.999, 0.7, 0.3]) {
    expect(await isWhole(image.subarray(0, Math.floor(image.length * share)))).toBe(false);
  }
  expect(await isWhole(image.subarray(0, 12))).toBe(false);
});

test('what stands behind the end of a large photograph, or pads a small one, does not matter', async () => {
  const jpeg = await readFile(new URL('gray.jpg', samples));
  expect(await isWhole(Buffer.concat([jpeg, Buffer.alloc(500)]))).toBe(true);
  const photograph = Buffer.concat([jpeg.subarray(0, -2), Buffer.alloc(200_000, 1), jpeg.subarray(-2)]);
  expect(await isWhole(photograph)).toBe(true);
  expect(await isWhole(Buffer.concat([photograph, Buffer.from('of the phone')]))).toBe(true);
});

test('what is not known here counts as whole', async () => {
  for (const content of ['', 'x', 'some text', 'II+ is no TIFF'])
    expect(await isWhole(Buffer.from(content))).toBe(true);
});

/** Pieces of pixels first, then the directory and its tables of offsets and counts: how most programs write. */
function drawTiff({
  kind,
  order,
  pieces,
}: {
  kind: 'classic' | 'big';
  order: 'II' | 'MM';
  pieces: 'strips' | 'tiles';
}) {
  const [pointerBytes, countBytes] = kind === 'big' ? [8, 8] : [4, 2];
  const number = (value: number, bytes: number): Buffer => {
    const buffer = Buffer.alloc(8);
    if (order === 'II') buffer.writeUIntLE(value, 0, 6);
    else buffer.writeUIntBE(value, 2, 6);
    return order === 'II' ? buffer.subarray(0, bytes) : buffer.subarray(8 - bytes);
  };
  const pixels = [100, 200, 50].map((bytes) => Buffer.alloc(bytes, 7));
  const headBytes = kind === 'big' ? 16 : 8;
  const offsets = [headBytes, headBytes + 100, headBytes + 300];
  const tablesAt = headBytes + 350;
  const countsAt = tablesAt + 3 * pointerBytes;
  const directoryAt = countsAt + 3 * 4;
  const entry = (tag: number, { type, at }: { type: number; at: number }) =>
    Buffer.concat([number(tag, 2), number(type, 2), number(3, pointerBytes), number(at, pointerBytes)]);
  const [offsetTag, countTag] = pieces === 'strips' ? [273, 279] : [324, 325];
  const head = [
    Buffer.from(order),
    number(kind === 'big' ? 43 : 42, 2),
    ...(kind === 'big' ? [number(8, 2), number(0, 2)] : []),
  ];
  const rest = [
    ...pixels,
    ...offsets.map((offset) => number(offset, pointerBytes)),
    ...pixels.map(({ length }) => number(length, 4)),
    number(2, countBytes),
    entry(offsetTag, { type: kind === 'big' ? 16 : 4, at: tablesAt }),
    entry(countTag, { type: 4, at: countsAt }),
    number(0, pointerBytes),
  ];
  const with_ = (directory: number) => Buffer.concat([...head, number(directory, pointerBytes), ...rest]);
  return { whole: with_(directoryAt), unsaid: with_(0), number, offsetsAt: tablesAt, pointerBytes };
}

const tiffs = (['classic', 'big'] as const).flatMap((kind) =>
  (['II', 'MM'] as const).flatMap((order) => (['strips', 'tiles'] as const).map((pieces) => ({ kind, order, pieces }))),
);

test.each(tiffs)('a $kind TIFF ($order) of $pieces is whole when all of it is there', async (layout) => {
  const { whole, unsaid, number, offsetsAt, pointerBytes } = drawTiff(layout);
  expect(await wholeLengths(whole, allLengths(whole, 4))).toEqual([whole.length]);
  // Its writer has not said yet where the directory is, or has only made room for it.
  expect(await isWhole(unsaid)).toBe(false);
  expect(await isWhole(Buffer.concat([whole.subarray(0, 380), Buffer.alloc(300)]))).toBe(false);
  // The directory comes first, and the last pixels are missing.
  const ahead = Buffer.from(whole);
  number(whole.length - 50 + 1, pointerBytes).copy(ahead, offsetsAt + 2 * pointerBytes);
  expect(await isWhole(ahead)).toBe(false);
  expect(await isWhole(Buffer.concat([ahead, Buffer.alloc(1)]))).toBe(true);
});

test('a TIFF whose directories lead around in circles is whole', async () => {
  const { whole } = drawTiff({ kind: 'classic', order: 'II', pieces: 'strips' });
  const circle = Buffer.from(whole);
  circle.writeUInt32LE(whole.readUInt32LE(4), whole.length - 4);
  expect(await isWhole(circle)).toBe(true);
});

test('an AVIF is whole when its boxes are, and the pixels that its table tells of', async () => {
  const avif = await readFile(new URL('sample.avif', samples));
  expect(await wholeLengths(avif, allLengths(avif, 16))).toEqual([avif.length]);
  expect(await isWhole(Buffer.concat([avif, Buffer.from('of the phone')]))).toBe(true);
  const pixels = avif.indexOf('mdat') - 4;
  // Between two boxes all that came is whole.
  expect(await isWhole(avif.subarray(0, pixels))).toBe(false);
  const sizes: readonly [name: string, head: Buffer][] = [
    ['to the end', Buffer.from('000000006d646174', 'hex')],
    ['in 64 bits', Buffer.concat([Buffer.from('000000016d646174', 'hex'), Buffer.alloc(8)])],
  ];
  for (const [name, head] of sizes) {
    const other = Buffer.concat([avif.subarray(0, pixels), head, avif.subarray(pixels + 8)]);
    if (head.length === 16) other.writeBigUInt64BE(BigInt(avif.length - pixels + 8), pixels + 8);
    expect(await isWhole(other), name).toBe(true);
    expect(await isWhole(other.subarray(0, -20)), name).toBe(false);
  }
});

test('a sequence of pictures is whole when the box of its pixels is', async () => {
  const box = (type: string, bytes: number) => {
    const content = Buffer.alloc(bytes, 7);
    content.writeUInt32BE(bytes, 0);
    content.write(type, 4, 'latin1');
    return content;
  };
  const sequence = Buffer.concat([box('ftyp', 24), box('moov', 40), box('mdat', 30)]);
  expect(await wholeLengths(sequence, allLengths(sequence, 16))).toEqual([sequence.length]);
  // Its first picture may have a table of its own, which says nothing of the others.
  const titled = Buffer.concat([box('ftyp', 24), box('meta', 12), box('moov', 40), box('mdat', 30)]);
  expect(await wholeLengths(titled, allLengths(titled, titled.length - 22))).toEqual([titled.length]);
});
