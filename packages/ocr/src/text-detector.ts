import { type BoxOptions, boxesFromBitmap, type ProbabilityMap } from './boxes-from-bitmap.ts';
import { distance } from './distance.ts';
import { type Image, resizeImage } from './image.ts';
import { withInput } from './input-memory.ts';
import type { Model } from './model.ts';
import { imageNet, writePlanes } from './normalize.ts';
import { type Region, textRegion } from './text-region.ts';
import type { ModelName, Point, Quad } from './types.ts';

/** The detector halves its maps five times: both sides of its input are multiples of this. */
const sizeStep = 32;

/**
 * How many pixels a page has in front of the detector as long as nothing is known about its text. An area and not a
 * longest side: a till receipt of 500 × 2,000 would lose its letters if its long side decided, and the work is
 * proportional to the area anyway.
 */
const targetArea = 1_150_000;

/**
 * A first glimpse of the page has so many pixels. Lines of 4 pixels are still found in it, if not all of them, and that
 * tells how large the text is.
 */
const glimpseArea = 150_000;

/** Text that is too small for the glimpse is looked for by its strokes, in so many times as many pixels along each side. */
const strokeDetail = 2;

/** Pages that are not at least so many times larger in full than in the glimpse are looked at in full at once. */
const worthGlimpse = 3;

/**
 * Text of this height, in the detector's pixels, is found as surely as larger text: a page is shown at the scale that
 * gives its small lines this height, so that large text costs little and small text is not lost. Measured, see
 * docs/performance.md.
 */
const targetTextHeight = 20;

/** The share of a page's lines that may be lower than the height that the scale is chosen by. */
const smallLines = 0.25;

/**
 * Pages get fewer pixels than usual only if so many lines are seen that there can be no doubt about their size, and if
 * all but a tenth of them at either end differ in height by less than a factor. Below a large title there may be small
 * print that the glimpse does not show.
 */
const evidentLines = 10;
const evidentRange = 2;

/** The network's boxes are thicker than the text by about so many of its pixels, whatever the scale. */
const boxMargin = 3;

/** There may be smaller text in a corner all the same: no page gets fewer pixels than this … */
const leastArea = 350_000;

/** … and none more: text that needs them is hardly readable any more. */
const mostArea = 1_600_000;

/** So many of the detector's pixels around all that may be text are looked at with it. */
const regionMargin = 32;

/** Steps between a scale and its double. Any scale would bring ever new shapes, which cost the runtime memory. */
const scaleSteps = 4;

/** Enlarging small pages by more than this makes no letter clearer. */
const maxScale = 2;

/** Screenshots of whole conversations: pages this much longer than wide keep their width, however long they are. */
const longPageRatio = 4;

/** The width, in the detector's pixels, that a long page keeps (PaddleOCR's `limit_side_len` for the shorter side). */
const longPageShortSide = 736;

/** Beyond this many pixels even a long page is shrunk, so that it ends within a page's deadline and memory. */
const maxArea = 12_000_000;

/**
 * Larger inputs are cut along the longer side into slices of equal length, none of them larger than this: the runtime
 * keeps the memory of its largest run for good, some 100 (tiny) to 140 (small) bytes for each pixel. Each cut costs time.
 */
export const maxRunAreas: Readonly<Record<ModelName, number>> = { small: 850_000, tiny: 650_000 };

/** The same for whole pages: one of the usual area is a little larger after its sides are rounded. */
export const maxWholeArea = 1.1 * targetArea;

/** What a slice sees beyond its own part on each side, so that lines on a cut are seen whole. */
const sliceOverlap = 96;

/** Pixels of the detector's input for each pixel of a page of this size, as long as nothing is known about its text. */
export function detectionScale(width: number, height: number): number {
  const scaleOfArea = (area: number): number => Math.sqrt(area / (width * height));
  const byArea = scaleOfArea(targetArea);
  const shorter = Math.min(width, height);
  if (!isLongPage({ width, height })) return Math.min(maxScale, byArea);
  const byShortSide = Math.min(1, longPageShortSide / shorter, scaleOfArea(maxArea));
  return Math.min(maxScale, Math.max(byArea, byShortSide));
}

function isLongPage({ width, height }: { readonly width: number; readonly height: number }): boolean {
  return Math.max(width, height) > longPageRatio * Math.min(width, height);
}

export interface DetectOptions extends BoxOptions {
  /** `detectionScale` of the page, for each of the pixels that are there. */
  readonly scale: number;
  /**
   * All of each page is shown. Only inputs of one shape share a batch, and whole pages are
   * more often alike than parts of them; a GPU takes long to set a new shape up.
   */
  readonly wholePages?: boolean | undefined;
  /** See `maxRunAreas`; as for small if not said. */
  readonly maxRunArea?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds the lines of a page; quads in the page's pixels, in no particular order. The scale is only where it starts:
 * most pages are glimpsed first, and then looked at in the scale that suits the size of their text, where there is any.
 */
export async function detectText(model: Model, page: Image, options: DetectOptions): Promise<Quad[]> {
  const margin = marginOf(page);
  const framed = margin === 0 ? page : addMargin(page, margin);
  const { scale, region } = await glimpse(model, framed, options);
  const quads = await findLines(model, cutOut(framed, region), { ...options, scale });
  const toPage = ([x, y]: Point): Point => [x + region.left - margin, y + region.top - margin];
  return quads.map(([a, b, c, d]) => [toPage(a), toPage(b), toPage(c), toPage(d)]);
}

/** How to look at a page. */
interface View {
  readonly scale: number;
  readonly region: Region;
}

/** The scale that gives the page's text the height that the network needs, and the part of the page that has text. */
async function glimpse(model: Model, page: Image, options: DetectOptions): Promise<View> {
  const usual = { scale: options.scale, region: { left: 0, top: 0, right: page.width, bottom: page.height } };
  const scaleOfArea = (area: number): number => Math.sqrt(area / (page.width * page.height));
  const scale = scaleOfArea(glimpseArea);
  if (isLongPage(page) || usual.scale ** 2 < worthGlimpse * scale ** 2) return usual;
  const { width, height } = inputSize(page.width * scale, page.height * scale);
  const [fineWidth, fineHeight] = [width * strokeDetail, height * strokeDetail];
  // Enlarging takes long, and shows no more; and where the page stays whole nobody looks for strokes.
  const isFine = page.width * page.height <= fineWidth * fineHeight || options.wholePages === true;
  const fine = isFine ? page : await resizeImage(page, fineWidth, fineHeight);
  const map = await probabilityMap(model, fine, { ...options, width, height });
  const heights = textHeights(boxesOf(map, page, options), scale);
  if (heights.length === 0) return usual;
  const chosen = scaleOfText(heights, usual.scale, scaleOfArea);
  const text = options.wholePages === true ? undefined : textRegion(map, fine);
  if (text === undefined) return { ...usual, scale: chosen };
  return { scale: chosen, region: regionAt(chosen, page, { text, seenIn: fine }) };
}

/** The scale for text of these heights; the usual one where they leave doubts. */
function scaleOfText(heights: readonly number[], usual: number, scaleOfArea: (area: number) => number): number {
  const wanted =
    usual *
    2 ** (Math.round(Math.log2(targetTextHeight / quantile(heights, smallLines) / usual) * scaleSteps) / scaleSteps);
  if (wanted < usual && !isOfOneSize(heights)) return usual;
  return Math.min(maxScale, Math.max(scaleOfArea(leastArea), Math.min(scaleOfArea(mostArea), wanted)));
}

/** The part of the page to look at, so large that it need not be stretched to sides that the network takes. */
function regionAt(scale: number, page: Image, { text, seenIn }: { text: Region; seenIn: Image }): Region {
  const [byX, byY] = [page.width / seenIn.width, page.height / seenIn.height];
  const [left, right] = spanAt(scale, [text.left * byX, text.right * byX], page.width);
  const [top, bottom] = spanAt(scale, [text.top * byY, text.bottom * byY], page.height);
  return { left, top, right, bottom };
}

/** What to look at along one side of the page, of which the text has a part. */
function spanAt(scale: number, [from, to]: readonly [number, number], full: number): [number, number] {
  const least = Math.max(0, from - regionMargin / scale);
  const most = Math.min(full, to + regionMargin / scale);
  const length = Math.round((Math.ceil(((most - least) * scale) / sizeStep) * sizeStep) / scale);
  if (length >= full) return [0, full];
  const start = Math.round(Math.min(full - length, Math.max(0, (least + most - length) / 2)));
  return [start, start + length];
}

function cutOut(page: Image, { left, top, right, bottom }: Region): Image {
  if (right - left === page.width && bottom - top === page.height) return page;
  return columns(rows(page, top, bottom), left, right);
}

/** The heights of the text in a page's pixels, in ascending order, by the boxes that were found at a scale. */
function textHeights(quads: readonly Quad[], scale: number): number[] {
  const heights: number[] = [];
  for (const [a, b, , d] of quads) {
    const [along, across] = [distance(a, b), distance(a, d)];
    const [length, thickness] = along > across ? [along, across] : [across, along];
    // What is not clearly longer than thick may be a letter, a picture, or anything.
    if (length > 1.5 * thickness) heights.push(Math.max(1, thickness * scale - boxMargin) / scale);
  }
  return heights.toSorted((one, other) => one - other);
}

function isOfOneSize(heights: readonly number[]): boolean {
  return heights.length >= evidentLines && quantile(heights, 0.9) < evidentRange * quantile(heights, 0.1);
}

/** The value that the given share of sorted values lies below. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)]!;
}

/** Finds the lines of a page at a scale; quads in the page's pixels. */
async function findLines(model: Model, page: Image, options: DetectOptions): Promise<Quad[]> {
  const size = inputSize(page.width * options.scale, page.height * options.scale);
  return boxesOf(await probabilityMap(model, page, { ...options, ...size }), page, options);
}

/** The boxes in a map of the page, in the page's pixels. */
function boxesOf(map: ProbabilityMap, page: Image, options: BoxOptions): Quad[] {
  const toPage = ([x, y]: Point): Point => [(x * page.width) / map.width, (y * page.height) / map.height];
  return boxesFromBitmap(map, options).map(([a, b, c, d]) => [toPage(a), toPage(b), toPage(c), toPage(d)]);
}

/**
 * Sides that the network takes. A page of a few rows and a million columns is enlarged by the margin and by rounding,
 * so the bound on the area is applied again, to the longer side alone: nobody reads such a page.
 */
function inputSize(width: number, height: number): { width: number; height: number } {
  const [w, h] = [roundToStep(width), roundToStep(height)];
  const longest = Math.floor(maxArea / Math.min(w, h) / sizeStep) * sizeStep;
  return { width: Math.min(w, Math.max(h, longest)), height: Math.min(h, Math.max(w, longest)) };
}

function roundToStep(length: number): number {
  return Math.max(sizeStep, Math.round(length / sizeStep) * sizeStep);
}

/** The detector looks for text on a background: a crop that is all letters gets some, in the color of its border. */
function marginOf({ width, height }: Image): number {
  const shorter = Math.min(width, height);
  const isSingleLine = Math.max(width, height) >= 3 * shorter || shorter < 100;
  return isSingleLine && shorter < 400 ? Math.max(8, Math.round(shorter * 0.3)) : 0;
}

function addMargin({ data, width, height }: Image, margin: number): Image {
  const wide = width + 2 * margin;
  const framed = new Uint8Array(wide * (height + 2 * margin) * 3);
  framed.set(borderColor({ data, width, height }));
  // What is filled already is copied behind itself until all is.
  for (let filled = 3; filled < framed.length; filled *= 2) framed.copyWithin(filled, 0, filled);
  for (let y = 0; y < height; y++) {
    framed.set(data.subarray(y * width * 3, (y + 1) * width * 3), ((y + margin) * wide + margin) * 3);
  }
  return { data: framed, width: wide, height: height + 2 * margin };
}

/** The median of the border's pixels, channel by channel. */
function borderColor({ data, width, height }: Image): readonly number[] {
  const offsets: number[] = [];
  for (let x = 0; x < width; x++) offsets.push(x * 3, ((height - 1) * width + x) * 3);
  for (let y = 1; y < height - 1; y++) offsets.push(y * width * 3, (y * width + width - 1) * 3);
  return [0, 1, 2].map((channel) => {
    const values = offsets.map((offset) => data[offset + channel]!).toSorted((a, b) => a - b);
    return values[values.length >> 1]!;
  });
}

/**
 * Shows the network a page of a size, in slices where that is large, and returns one map of that size. Each slice is
 * resized by itself: of a screenshot of 800 × 12,000 pixels the whole would take 24 MB.
 */
async function probabilityMap(
  model: Model,
  page: Image,
  { width, height, maxRunArea = maxRunAreas.small, signal }: DetectOptions & { width: number; height: number },
): Promise<ProbabilityMap> {
  if (width * height <= maxRunArea) {
    return { data: await runDetector(model, await resizeImage(page, width, height), signal), width, height };
  }
  const isTall = height >= width;
  const [length, shorter] = isTall ? [height, width] : [width, height];
  const longest = Math.floor(maxRunArea / shorter / sizeStep) * sizeStep;
  const slices = Math.ceil((length - 2 * sliceOverlap) / (longest - 2 * sliceOverlap));
  const sliceLength = Math.ceil(((length - 2 * sliceOverlap) / slices + 2 * sliceOverlap) / sizeStep) * sizeStep;
  const inPage = (at: number): number => Math.round((at * (isTall ? page.height : page.width)) / length);
  const map = new Float32Array(width * height);
  for (let from = 0; from < length; from += sliceLength - 2 * sliceOverlap) {
    signal?.throwIfAborted();
    const to = Math.min(length, from + sliceLength);
    const slice = isTall
      ? await resizeImage(rows(page, inPage(from), inPage(to)), width, to - from)
      : await resizeImage(columns(page, inPage(from), inPage(to)), to - from, height);
    const part = await runDetector(model, slice, signal);
    // The overlap belongs to the slice that sees more of what lies around it.
    const first = from === 0 ? 0 : sliceOverlap;
    const last = to === length ? to - from : to - from - sliceOverlap;
    if (isTall) map.set(part.subarray(first * width, last * width), (from + first) * width);
    else copyColumns({ data: part, width: to - from, height }, map, { from, first, last, width });
    if (to === length) break;
  }
  return { data: map, width, height };
}

function copyColumns(
  part: ProbabilityMap,
  map: Float32Array,
  { from, first, last, width }: { from: number; first: number; last: number; width: number },
): void {
  for (let y = 0; y < part.height; y++) {
    const row = part.data.subarray(y * part.width + first, y * part.width + last);
    map.set(row, y * width + from + first);
  }
}

function rows({ data, width }: Image, from: number, to: number): Image {
  return { data: data.subarray(from * width * 3, to * width * 3), width, height: to - from };
}

function columns({ data, width, height }: Image, from: number, to: number): Image {
  const part = new Uint8Array((to - from) * height * 3);
  for (let y = 0; y < height; y++) {
    part.set(data.subarray((y * width + from) * 3, (y * width + to) * 3), y * (to - from) * 3);
  }
  return { data: part, width: to - from, height };
}

/** Less difference than this between the brightest and the darkest value is noise of a blank sheet, 0..255. */
const blankRange = 8;

/** Whether nothing can be read here, because all is of one color. Long screenshots have much of that. */
function isBlank({ data }: Image): boolean {
  for (let channel = 0; channel < 3; channel++) {
    let least = 255;
    let most = 0;
    for (let i = channel; i < data.length; i += 3) {
      const value = data[i]!;
      if (value < least) least = value;
      if (value > most) most = value;
      if (most - least >= blankRange) return false;
    }
  }
  return true;
}

/** Input NCHW float32 [1, 3, H, W]; output [1, 1, H, W], the probability of text, 0..1. */
async function runDetector(model: Model, image: Image, signal: AbortSignal | undefined): Promise<Float32Array> {
  const { width, height } = image;
  if (isBlank(image)) return new Float32Array(width * height);
  const [output] = await withInput(model, 3 * height * width, (input) => {
    writePlanes(image, imageNet, input, { item: 0, height, width });
    return model.run({ data: input, dims: [1, 3, height, width] }, { signal });
  });
  return output!.data as Float32Array;
}
