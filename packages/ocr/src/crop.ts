import { distance } from './distance.ts';
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
  const grid: SampleGrid = {
    crop: { data: new Uint8Array(width * height * 3), width, height },
    across: sampleCount(length / width),
    down: sampleCount(thickness / height),
  };
  const toPage = unitSquareTo(quad);
  if (isLevel(toPage)) cropLevel(page, toPage, grid);
  else cropFreely(page, toPage, grid);
  return grid.crop;
}

/** How many places of the page each pixel of a crop is the mean of. */
interface SampleGrid {
  readonly crop: Crop;
  readonly across: number;
  readonly down: number;
}

function sampleCount(shrink: number): number {
  return Math.min(8, Math.max(1, Math.round(shrink)));
}

/** For any quad. Its corners are pixel centers; hence no half pixel on the page. */
function cropFreely({ data: from, width, height }: Image, h: Homography, { crop, across, down }: SampleGrid): void {
  const { data } = crop;
  const [h0, h1, h2, h3, h4, h5, h6, h7] = h;
  const share = 1 / (across * down);
  const [stepX, stepY] = [1 / (crop.width * across), 1 / (crop.height * down)];
  const [right, bottom] = [width - 1, height - 1];
  for (let y = 0, o = 0; y < crop.height; y++) {
    for (let x = 0; x < crop.width; x++, o += 3) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let sample = 0; sample < across * down; sample++) {
        const sy = across === 1 ? sample : (sample / across) | 0;
        const u = (x * across + sample - sy * across + 0.5) * stepX;
        const v = (y * down + sy + 0.5) * stepY;
        const w = 1 / (h6 * u + h7 * v + 1);
        const px = clamp((h0 * u + h1 * v + h2) * w, right);
        const py = clamp((h3 * u + h4 * v + h5) * w, bottom);
        // Neither is negative, so that this rounds down.
        const column = px | 0;
        const row = py | 0;
        const fx = px - column;
        const fy = py - row;
        const a = (row * width + column) * 3;
        const b = column < right ? a + 3 : a;
        const c = row < bottom ? a + width * 3 : a;
        const d = c + b - a;
        red += mix(mix(from[a]!, from[b]!, fx), mix(from[c]!, from[d]!, fx), fy);
        green += mix(mix(from[a + 1]!, from[b + 1]!, fx), mix(from[c + 1]!, from[d + 1]!, fx), fy);
        blue += mix(mix(from[a + 2]!, from[b + 2]!, fx), mix(from[c + 2]!, from[d + 2]!, fx), fy);
      }
      data[o] = red * share + 0.5;
      data[o + 1] = green * share + 0.5;
      data[o + 2] = blue * share + 0.5;
    }
  }
}

/** From `a` to `b`, `nearness` (0..1) of the way. */
function mix(a: number, b: number, nearness: number): number {
  return a + nearness * (b - a);
}

/** Lines of straight pages lie along the page's rows: no more than a billionth of a pixel is lost on them. */
function isLevel([, h1, , h3, , , h6, h7]: Homography): boolean {
  return Math.max(Math.abs(h1), Math.abs(h3)) < 1e-9 && Math.max(Math.abs(h6), Math.abs(h7)) < 1e-12;
}

/**
 * For quads whose sides run along the page's rows and columns: the samples of a row lie in the same two rows of the page,
 * and in the same columns for all rows. So each row of the page is resampled once, and the crop's are mixed from these.
 */
function cropLevel(page: Image, [h0, , h2, , h4, h5]: Homography, { crop, across, down }: SampleGrid): void {
  const { data, width, height } = crop;
  const columns = placesAlong(h0, h2, width * across, page.width);
  const rows = placesAlong(h4, h5, height * down, page.height);
  // Neighboring rows differ in their last bit, so that two of them always have a place each.
  const resampled = [new Float64Array(width * 3), new Float64Array(width * 3)] as const;
  const held = [-1, -1];
  const resampledRow = (row: number): Float64Array => {
    const at = (row & 1) as 0 | 1;
    if (held[at] !== row) resampleRow(page, row, { columns, across, share: 1 / (across * down) }, resampled[at]);
    held[at] = row;
    return resampled[at];
  };
  const sums = new Float64Array(width * 3);
  for (let y = 0, s = 0; y < height; y++) {
    // Half a level, so that cutting the fraction off rounds.
    sums.fill(0.5);
    for (const last = s + down - 1; s < last; s++) {
      addMixture(resampledRow(rows.before[s]!), resampledRow(rows.after[s]!), rows.nearness[s]!, sums);
    }
    const [upper, lower, nearness] = [resampledRow(rows.before[s]!), resampledRow(rows.after[s]!), rows.nearness[s]!];
    for (let i = 0, o = y * width * 3; i < sums.length; i++, o++) {
      data[o] = sums[i]! + mix(upper[i]!, lower[i]!, nearness);
    }
    s++;
  }
}

/** Sampling places along one side of the page: the pixels before and after, and how near the latter is, 0..1. */
interface Places {
  readonly before: Int32Array;
  readonly after: Int32Array;
  readonly nearness: Float64Array;
}

/** `count` places spread over `extent` pixels from `start` on; the border of the page, `length` pixels long, repeats. */
function placesAlong(extent: number, start: number, count: number, length: number): Places {
  const before = new Int32Array(count);
  const after = new Int32Array(count);
  const nearness = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const place = clamp((extent * (i + 0.5)) / count + start, length - 1);
    before[i] = Math.floor(place);
    after[i] = Math.min(length - 1, before[i]! + 1);
    nearness[i] = place - before[i]!;
  }
  return { before, after, nearness };
}

interface RowSampling {
  readonly columns: Places;
  /** Samples that are added up for each pixel. */
  readonly across: number;
  /** What each of them counts. */
  readonly share: number;
}

/** Samples one row of the page for all pixels of a crop's row. */
function resampleRow({ data, width }: Image, row: number, sampling: RowSampling, target: Float64Array): void {
  const { across, share } = sampling;
  const { before, after, nearness } = sampling.columns;
  const start = row * width;
  for (let o = 0, i = 0; o < target.length; o += 3) {
    let red = 0;
    let green = 0;
    let blue = 0;
    for (const end = i + across; i < end; i++) {
      const a = (start + before[i]!) * 3;
      const b = (start + after[i]!) * 3;
      const f = nearness[i]!;
      red += mix(data[a]!, data[b]!, f);
      green += mix(data[a + 1]!, data[b + 1]!, f);
      blue += mix(data[a + 2]!, data[b + 2]!, f);
    }
    target[o] = red * share;
    target[o + 1] = green * share;
    target[o + 2] = blue * share;
  }
}

function addMixture(upper: Float64Array, lower: Float64Array, nearness: number, sum: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += mix(upper[i]!, lower[i]!, nearness);
}

/** To 0..`last`. */
function clamp(value: number, last: number): number {
  return value < 0 ? 0 : value > last ? last : value;
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
