import sharp, { type OverlayOptions, type Sharp } from 'sharp';
import type { BenchImage } from './image-set.ts';

/** The same numbers in 0..1 for the same seed, on every machine (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Range {
  readonly min: number;
  readonly max: number;
}

const pieceWidth: Range = { min: 60, max: 900 };
const pieceHeight: Range = { min: 24, max: 500 };

/** A piece of a picture in a size that hardly ever comes twice. */
export async function cropAtRandom({ bytes }: BenchImage, random: () => number): Promise<Uint8Array> {
  const { width, height } = await sharp(bytes).metadata();
  const side = ({ min, max }: Range): number => between(min, max, random());
  return cutPiece(sharp(bytes), { width, height, w: side(pieceWidth), h: side(pieceHeight) }, random);
}

/** A picture, decoded once: thousands of pieces are cut from each. */
export interface DecodedSource {
  /** RGB, 8 bit, row by row. */
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

export async function decodeSource({ bytes }: BenchImage): Promise<DecodedSource> {
  const { data, info } = await sharp(bytes)
    .flatten({ background: 'white' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

const smallWidth: Range = { min: 60, max: 480 };
const smallHeight: Range = { min: 24, max: 240 };
/** Narrow and low ones are the most frequent. */
const smallSkew = 3;

/** As `cropAtRandom`, but smaller: they are read fast, and it is the many shapes that make memory grow. */
export async function cropSmall({ data, width, height }: DecodedSource, random: () => number): Promise<Uint8Array> {
  const picture = sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false });
  const side = ({ min, max }: Range): number => between(min, max, random() ** smallSkew);
  return cutPiece(picture, { width, height, w: side(smallWidth), h: side(smallHeight) }, random);
}

interface Cut {
  /** Of the picture. */
  readonly width: number;
  readonly height: number;
  /** Of the piece; less where the picture is smaller. */
  readonly w: number;
  readonly h: number;
}

async function cutPiece(picture: Sharp, cut: Cut, random: () => number): Promise<Uint8Array> {
  const [width, height] = [Math.min(cut.width, cut.w), Math.min(cut.height, cut.h)];
  const left = between(0, cut.width - width, random());
  const top = between(0, cut.height - height, random());
  return picture
    .extract({ left, top, width, height })
    .flatten({ background: 'white' })
    .jpeg({ quality: 85 })
    .toBuffer();
}

/** `share` of the way, 0..1. */
function between(min: number, max: number, share: number): number {
  return Math.floor(min + share * (Math.max(min, max) - min));
}

export const photoSize = { width: 8000, height: 5000 } as const;

/** A picture as large as a camera's: pages side by side, slightly blurred and noisy, as a JPEG. */
export async function drawPhoto(images: readonly BenchImage[]): Promise<Uint8Array> {
  const { width, height } = photoSize;
  const pages = images.slice(0, 3);
  const pageWidth = Math.floor(width / (pages.length + 1));
  const overlays = await Promise.all(
    pages.map(async ({ bytes }, i) => ({
      input: await sharp(bytes)
        .resize(pageWidth, height - 600, { fit: 'inside' })
        .flatten({ background: 'white' })
        .rotate(i * 2 - 2, { background: '#8a7f70' })
        .toBuffer()
        .then((page) =>
          sharp(page)
            .resize(pageWidth, height - 400, { fit: 'inside' })
            .png()
            .toBuffer(),
        ),
      left: Math.floor(pageWidth / 2 + i * pageWidth),
      top: 200,
    })),
  );
  const table = { width, height, channels: 3, background: '#8a7f70' } as const;
  const noise = { type: 'gaussian', mean: 128, sigma: 12 } as const;
  const grain = await sharp({ create: { width: 1000, height: 1000, channels: 3, background: 'black', noise } })
    .png()
    .toBuffer();
  return sharp({ create: table, limitInputPixels: false })
    .composite([...overlays, { input: grain, tile: true, blend: 'soft-light' }])
    .jpeg({ quality: 80 })
    .toBuffer();
}

export const screenshotSize = { width: 800, height: 12_000 } as const;

/** A screenshot of a whole conversation: pieces of the pictures below each other, as a PNG. */
export async function drawScreenshot(sources: readonly DecodedSource[], random: () => number): Promise<Uint8Array> {
  const { width, height } = screenshotSize;
  const gap = 40;
  const pieces: OverlayOptions[] = [];
  for (let top = gap; top < height - pieceHeight.max; top += pieceHeight.max / 2 + gap) {
    const source = sources[Math.floor(random() * sources.length)];
    if (source === undefined) break;
    const [w, h] = [Math.min(width - 2 * gap, source.width), Math.min(pieceHeight.max / 2, source.height)];
    const from = Math.floor(random() * (source.height - h));
    const input = await sharp(source.data, { raw: { width: source.width, height: source.height, channels: 3 } })
      .extract({ left: 0, top: from, width: w, height: h })
      .png()
      .toBuffer();
    pieces.push({ input, left: gap, top });
  }
  return sharp({ create: { width, height, channels: 3, background: 'white' } })
    .composite(pieces)
    .png()
    .toBuffer();
}
