import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';

const samples = new URL('../../packages/ocr/samples/', import.meta.url);

/** What the gift card says, in reading order. */
export const giftCardLines = ['STEAM', 'XR56L-H4A5Q-87YXF'] as const;
/** What `small` says. */
export const codeLine = giftCardLines[1];

export interface TestImages {
  readonly giftCard: Buffer;
  /** One short line: the cheapest page there is. */
  readonly small: Buffer;
  /** Keeps an engine busy for a second or more. */
  readonly long: Buffer;
  readonly blank: Buffer;
}

export async function loadTestImages(): Promise<TestImages> {
  const [giftCard, long, blank] = await Promise.all(
    ['gift-card.png', 'long-screenshot.png', 'blank.png'].map((file) => readFile(new URL(file, samples))),
  );
  const [small, upperHalf] = await Promise.all([
    drawCode(giftCard!, 320).png().toBuffer(),
    sharp(long).extract({ left: 0, top: 0, width: 800, height: 6000 }).png({ palette: true }).toBuffer(),
  ]);
  return { giftCard: giftCard!, small, long: upperHalf, blank: blank! };
}

/** The line with the code, `width` pixels wide and a fifth as high. */
function drawCode(giftCard: Buffer, width: number): Sharp {
  return sharp(giftCard)
    .extract({ left: 155, top: 588, width: 620, height: 108 })
    .resize(width, Math.round(width / 5), { fit: 'fill' })
    .removeAlpha();
}

export const seedFormats = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const;
export type SeedFormat = (typeof seedFormats)[number];

/** One small image of each format that is read, 200 × 40 pixels, for being broken. */
export async function drawSeeds(): Promise<Readonly<Record<SeedFormat, Buffer>>> {
  const { giftCard } = await loadTestImages();
  const code = drawCode(giftCard, 200);
  const drawn = await Promise.all(
    seedFormats.map(async (format) => [format, await code.clone().toFormat(format).toBuffer()]),
  );
  return Object.fromEntries(drawn) as Record<SeedFormat, Buffer>;
}

/** A PNG that is a few kilobytes and unpacks to `megapixels` of one color. */
export async function drawHuge(megapixels: number): Promise<Buffer> {
  const height = 1000 * megapixels;
  return sharp({ create: { width: 1000, height, channels: 3, background: '#fff' }, limitInputPixels: false })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}

export function toDataUrl(bytes: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;
}
