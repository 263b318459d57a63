import type { Image } from './image.ts';
import type { Quad } from './types.ts';

/** A line cut out of a page: `height` is fixed by the caller, RGB 8 bit HWC. */
export type Crop = Image;

/** Crops at least this much taller than wide are lines of text turned by 90° (PaddleOCR's `get_rotate_crop_image`). */
const tallRatio = 1.5;

/** Length of the text line and its height, in the pixels of the quad. */
export interface LineSize {
  readonly length: number;
  readonly thickness: number;
}

/** Turns tall quads so that the text runs along the first side: the crop then reads as if turned 90° counterclockwise. */
export function alongText(quad: Quad): Quad {
  const [a, b, c, d] = quad;
  const width = Math.max(distance(a, b), distance(d, c));
  const height = Math.max(distance(a, d), distance(b, c));
  return height >= tallRatio * width ? [b, c, d, a] : quad;
}

export function lineSize([a, b, c, d]: Quad): LineSize {
  return {
    length: Math.max(distance(a, b), distance(d, c)),
    thickness: Math.max(distance(a, d), distance(b, c)),
  };
}

/** The same quad as seen by a reader who stands on their head. */
export function upsideDown([a, b, c, d]: Quad): Quad {
  return [c, d, a, b];
}

/**
 * Cuts the quad out of the page and straightens it into `width` × `height` pixels (perspective, bilinear). Where the
 * crop is much smaller than what it shows, each of its pixels is the mean of a grid of samples, so that thin strokes
 * do not fall between samples. Outside of the page the border repeats.
 */
export function cropLine(page: Image, quad: Quad, width: number, height: number): Crop {
  const { length, thickness } = lineSize(quad);
  const samplesX = sampleCount(length / width);
  const samplesY = sampleCount(thickness / height);
  const data = new Uint8Array(width * height * 3);
  const h = unitSquareTo(quad);
  const [stepX, stepY] = [1 / (width * samplesX), 1 / (height * samplesY)];
  const share = 1 / (samplesX * samplesY);
  const sum: [number, number, number] = [0, 0, 0];
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width; x++, o += 3) {
      sum[0] = sum[1] = sum[2] = 0;
      for (let sy = 0; sy < samplesY; sy++) {
        const v = (y * samplesY + sy + 0.5) * stepY;
        for (let sx = 0; sx < samplesX; sx++) {
          const u = (x * samplesX + sx + 0.5) * stepX;
          const w = 1 / (h[6] * u + h[7] * v + 1);
          // The corners of the quad are pixel centers; hence no half pixel here.
          addSample(page, (h[0] * u + h[1] * v + h[2]) * w, (h[3] * u + h[4] * v + h[5]) * w, sum);
        }
      }
      data[o] = sum[0] * share + 0.5;
      data[o + 1] = sum[1] * share + 0.5;
      data[o + 2] = sum[2] * share + 0.5;
    }
  }
  return { data, width, height };
}

function sampleCount(shrink: number): number {
  return Math.min(8, Math.max(1, Math.round(shrink)));
}

function addSample({ data, width, height }: Image, x: number, y: number, sum: [number, number, number]): void {
  const cx = x < 0 ? 0 : x > width - 1 ? width - 1 : x;
  const cy = y < 0 ? 0 : y > height - 1 ? height - 1 : y;
  const x0 = Math.floor(cx);
  const y0 = Math.floor(cy);
  const fx = cx - x0;
  const fy = cy - y0;
  const a = (y0 * width + x0) * 3;
  const b = x0 + 1 < width ? a + 3 : a;
  const down = y0 + 1 < height ? width * 3 : 0;
  const wa = (1 - fx) * (1 - fy);
  const wb = fx * (1 - fy);
  const wc = (1 - fx) * fy;
  const wd = fx * fy;
  sum[0] += wa * data[a]! + wb * data[b]! + wc * data[a + down]! + wd * data[b + down]!;
  sum[1] += wa * data[a + 1]! + wb * data[b + 1]! + wc * data[a + down + 1]! + wd * data[b + down + 1]!;
  sum[2] += wa * data[a + 2]! + wb * data[b + 2]! + wc * data[a + down + 2]! + wd * data[b + down + 2]!;
}

type Homography = readonly [number, number, number, number, number, number, number, number];

/** The projective map from the unit square to a quad (Heckbert 1989, section 2.2.3), with its ninth element 1. */
function unitSquareTo([[x0, y0], [x1, y1], [x2, y2], [x3, y3]]: Quad): Homography {
  const [sx, sy] = [x0 - x1 + x2 - x3, y0 - y1 + y2 - y3];
  const [dx1, dy1, dx2, dy2] = [x1 - x2, y1 - y2, x3 - x2, y3 - y2];
  const det = dx1 * dy2 - dx2 * dy1;
  const g = det === 0 ? 0 : (sx * dy2 - dx2 * sy) / det;
  const k = det === 0 ? 0 : (dx1 * sy - sx * dy1) / det;
  return [x1 - x0 + g * x1, x3 - x0 + k * x3, x0, y1 - y0 + g * y1, y3 - y0 + k * y3, y0, g, k];
}

function distance(a: readonly [number, number], b: readonly [number, number]): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
