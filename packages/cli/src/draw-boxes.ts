import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Line, PageResult } from '@glyphmill/ocr/pool';
import sharp from 'sharp';
import { type Canvas, type Color, type Vertex, fillPolygon, stampMask, strokePolygon } from './canvas.ts';
import { InputError } from './input-error.ts';
import { createTextRenderer } from './text-mask.ts';

// The same loaders as the engine's: whatever the bytes claim to be, no other decoder is reached. Nothing here needs
// SVG either, since boxes and texts are painted by our own code.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Tiff', 'Nsgif', 'Heif'].map((format) => `VipsForeignLoad${format}Buffer`),
});
sharp.cache(false);
sharp.concurrency(1);

const colors: readonly Color[] = [
  [0, 114, 178],
  [213, 94, 0],
  [0, 130, 90],
  [170, 60, 130],
];
const labelPaper = { color: [255, 255, 255], opacity: 0.85 } as const;
/** Labels are about half as high as their line: readable, and most of the line itself stays in sight. */
const labelHeight = { share: 0.55, minPx: 10, maxPx: 40 } as const;
/** Lies under transparent pixels: black and white text both stay readable on it. */
const transparencyGray = { r: 150, g: 150, b: 150 };

export type BoxDrawer = (drawing: {
  readonly bytes: Uint8Array;
  readonly page: PageResult;
  /** Absolute path of the PNG; its folder is made. */
  readonly target: string;
}) => Promise<void>;

/** Draws pages with their boxes and texts, as large as the upright page. Throws `InputError` boxes_failed. */
export async function createBoxDrawer(limits: { readonly maxImagePixels: number }): Promise<BoxDrawer> {
  const renderText = await createTextRenderer();
  return async ({ bytes, page, target }) => {
    try {
      const canvas = await decode(bytes, limits);
      for (const [i, line] of page.lines.entries()) paintBox(canvas, line, colors[i % colors.length] ?? [0, 0, 0]);
      // Labels come last, so that no neighbor's box lies on them.
      for (const [i, line] of page.lines.entries()) {
        await paintLabel(canvas, line, { color: colors[i % colors.length] ?? [0, 0, 0], renderText });
      }
      const { data, width, height } = canvas;
      const png = await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
        .png()
        .toBuffer();
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, png);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InputError('boxes_failed', `The boxes were not drawn: ${reason}`, { cause: error });
    }
  };
}

async function decode(bytes: Uint8Array, { maxImagePixels }: { readonly maxImagePixels: number }): Promise<Canvas> {
  const { data, info } = await sharp(bytes, { limitInputPixels: maxImagePixels, sequentialRead: true })
    .autoOrient()
    .flatten({ background: transparencyGray })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data: info.channels === 3 ? data : spreadGray(data, info.channels), width: info.width, height: info.height };
}

/** One channel becomes three. */
function spreadGray(data: Uint8Array, channels: number): Uint8Array {
  const rgb = new Uint8Array((data.length / channels) * 3);
  for (let i = 0, o = 0; o < rgb.length; i += channels, o += 3) rgb.fill(data[i] ?? 0, o, o + 3);
  return rgb;
}

function paintBox(canvas: Canvas, { box }: Line, color: Color): void {
  const height = boxHeight(box);
  fillPolygon(canvas, box, { color, opacity: 0.18 });
  strokePolygon(canvas, box, { color, opacity: 0.8, thickness: Math.min(6, Math.max(1, height / 14)) });
}

function boxHeight([topLeft, topRight, bottomRight, bottomLeft]: Line['box']): number {
  return (distance(topLeft, bottomLeft) + distance(topRight, bottomRight)) / 2;
}

function distance(a: Vertex, b: Vertex): number {
  return Math.hypot(b[0] - a[0], b[1] - a[1]);
}

/** The text on a strip of paper over the box's upper side, turned as the line is and squeezed where it is too long. */
async function paintLabel(
  canvas: Canvas,
  { box, text }: Line,
  { color, renderText }: { color: Color; renderText: Awaited<ReturnType<typeof createTextRenderer>> },
): Promise<void> {
  const height = Math.min(labelHeight.maxPx, Math.max(labelHeight.minPx, boxHeight(box) * labelHeight.share));
  const mask = await renderText(text, height);
  const [topLeft, topRight] = box;
  const angle = Math.atan2(topRight[1] - topLeft[1], topRight[0] - topLeft[0]);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const width = Math.min(mask.width, Math.max(distance(topLeft, topRight), height));
  const padding = height * 0.15;
  // (along the line, down from it) → canvas; the strip's middle lies a little above the box's upper side, and never
  // above the page.
  const lift = Math.min(height * 0.8, Math.min(topLeft[1], topRight[1]));
  const at = (along: number, down: number): Vertex => [
    topLeft[0] + along * cos - (down - lift) * sin,
    topLeft[1] + along * sin + (down - lift) * cos,
  ];
  const paper = [at(0, 0), at(width + 2 * padding, 0), at(width + 2 * padding, height), at(0, height)];
  fillPolygon(canvas, paper, labelPaper);
  const scaleY = Math.min(1, height / mask.height);
  const origin = at(padding, (height - mask.height * scaleY) / 2);
  stampMask(canvas, mask, { origin, angle, scaleX: width / mask.width, scaleY, color: darker(color) });
}

function darker([red, green, blue]: Color): Color {
  return [red * 0.6, green * 0.6, blue * 0.6];
}
