import sharp from 'sharp';
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

const cropWidth = { min: 60, max: 900 };
const cropHeight = { min: 24, max: 500 };

/** A piece of a picture in a size that hardly ever comes twice: changing shapes are what makes memory grow. */
export async function cropAtRandom({ bytes }: BenchImage, random: () => number): Promise<Uint8Array> {
  const between = (min: number, max: number): number => Math.floor(min + random() * (Math.max(min, max) - min));
  const { width, height } = await sharp(bytes).metadata();
  const w = Math.min(width, between(cropWidth.min, cropWidth.max));
  const h = Math.min(height, between(cropHeight.min, cropHeight.max));
  return sharp(bytes)
    .extract({ left: between(0, width - w), top: between(0, height - h), width: w, height: h })
    .flatten({ background: 'white' })
    .jpeg({ quality: 85 })
    .toBuffer();
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
