import { describe, expect, it } from 'vitest';
import type { Image } from './image.ts';
import type { Model, Tensor } from './model.ts';
import { detectionScale, detectText } from './text-detector.ts';
import type { Quad } from './types.ts';

const options = { binThreshold: 0.2, boxThreshold: 0.45, unclipRatio: 1.4, scale: 1 };

interface BrightnessDetector extends Model {
  /** Of the inputs that it was asked about. */
  readonly sizes: (readonly number[])[];
  /** How high the highest bar was in each. */
  readonly barHeights: number[];
}

/** A detector that takes bright pixels for text, and remembers what it was shown. */
function brightnessDetector(): BrightnessDetector {
  const sizes: (readonly number[])[] = [];
  const barHeights: number[] = [];
  return {
    sizes,
    barHeights,
    run(input: Tensor) {
      sizes.push(input.dims);
      const [, , height = 0, width = 0] = input.dims;
      const data = input.data.subarray(0, height * width).map((value) => (value > 1 ? 0.9 : 0));
      barHeights.push(highestBar(data, { height, width }));
      return Promise.resolve([{ data, dims: [1, 1, height, width] }]);
    },
    close: () => Promise.resolve(),
  };
}

/** Rows in the longest run of bright ones in the middle column. */
function highestBar(data: Tensor['data'], { height, width }: { height: number; width: number }): number {
  let [longest, current] = [0, 0];
  for (let y = 0; y < height; y++) {
    current = data[y * width + (width >> 1)]! > 0 ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  return longest;
}

function pixelsOf(size: readonly number[]): number {
  const [, , height = 0, width = 0] = size;
  return height * width;
}

function blackPage(width: number, height: number): Image {
  return { data: new Uint8Array(width * height * 3), width, height };
}

function brighten(page: Image, left: number, top: number, right: number, bottom: number): void {
  for (let y = top; y < bottom; y++) page.data.fill(255, (y * page.width + left) * 3, (y * page.width + right) * 3);
}

function extent(quad: Quad): number[] {
  const [xs, ys] = [quad.map((p) => p[0]), quad.map((p) => p[1])];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)].map(Math.round);
}

describe('detectText', () => {
  it('finds no line on a blank page', async () => {
    expect(await detectText(brightnessDetector(), blackPage(640, 480), options)).toEqual([]);
  });

  it('shows the network sides that are multiples of 32 and answers in pixels of the page', async () => {
    const page = blackPage(1000, 700);
    brighten(page, 200, 300, 600, 340);
    const detector = brightnessDetector();
    const [quad] = await detectText(detector, page, { ...options, scale: 0.5 });
    expect(detector.sizes).toEqual([[1, 3, 352, 512]]);
    const [left, top, right, bottom] = extent(quad!);
    const margin = (400 * 40 * 1.4) / (2 * 440);
    expect(Math.abs(left! - (200 - margin))).toBeLessThan(5);
    expect(Math.abs(top! - (300 - margin))).toBeLessThan(5);
    expect(Math.abs(right! - (600 + margin))).toBeLessThan(5);
    expect(Math.abs(bottom! - (340 + margin))).toBeLessThan(5);
  });

  it.each([
    ['large', 60, 0.45, 0.55],
    ['usual', 18, 0.6, 0.95],
    ['small', 14, 1, 1.25],
  ])('sees a page of %s text at the scale that suits it', async (_, barHeight, least, most) => {
    const page = blackPage(1000, 1400);
    // The network answers with the cores of lines: text is about twice as high as these bars.
    for (let top = 50; top < 1350; top += 100) brighten(page, 100, top, 800, top + barHeight);
    const detector = brightnessDetector();
    const quads = await detectText(detector, page, { ...options, scale: detectionScale(page.width, page.height) });
    expect(pixelsOf(detector.sizes[0]!)).toBeLessThan(200_000);
    const scale = Math.max(...detector.barHeights.slice(1)) / barHeight;
    expect(scale).toBeGreaterThan(least);
    expect(scale).toBeLessThan(most);
    expect(quads.map((quad) => Math.round((extent(quad)[1]! + extent(quad)[3]! - barHeight) / 20) * 10)).toEqual(
      Array.from({ length: 13 }, (__, i) => 50 + 100 * i),
    );
  });

  it.each([
    ['two lines', [60, 60]],
    ['titles among small print', [60, 60, 60, 60, 60, 20, 20, 20, 20, 20, 20, 20, 20]],
  ])('does not see a page of %s smaller than usual', async (_, barHeights) => {
    const page = blackPage(1000, 1400);
    for (const [i, height] of barHeights.entries()) brighten(page, 100, 50 + 100 * i, 800, 50 + 100 * i + height);
    const detector = brightnessDetector();
    await detectText(detector, page, { ...options, scale: detectionScale(page.width, page.height) });
    expect(Math.max(...detector.barHeights.slice(1)) / 60).toBeGreaterThan(0.85);
  });

  it('sees all of a page in its usual size where it finds no text at first', async () => {
    const page = blackPage(1000, 1400);
    brighten(page, 500, 700, 503, 703);
    const detector = brightnessDetector();
    expect(await detectText(detector, page, { ...options, scale: detectionScale(1000, 1400) })).toEqual([]);
    const seen = detector.sizes.slice(1).reduce((sum, size) => sum + pixelsOf(size), 0);
    expect(seen).toBeGreaterThan(1_000_000);
  });

  it('looks in full at the part of a page that has text, and answers in pixels of the page', async () => {
    const page = blackPage(2000, 2800);
    for (let top = 1200; top < 2000; top += 80) brighten(page, 1100, top, 1600, top + 30);
    const detector = brightnessDetector();
    const quads = await detectText(detector, page, { ...options, scale: detectionScale(page.width, page.height) });
    const [, ...full] = detector.sizes;
    expect(full).toHaveLength(1);
    const scale = detector.barHeights[1]! / 30;
    // The lines reach over 500 × 750 pixels, and some are seen around them.
    expect(pixelsOf(full[0]!)).toBeLessThan(700 * 950 * scale ** 2);
    expect(quads).toHaveLength(10);
    for (const quad of quads) {
      const [left, top, right, bottom] = extent(quad);
      expect(Math.abs((left! + right!) / 2 - 1350)).toBeLessThan(4);
      const fromFirst = (top! + bottom!) / 2 - 1215;
      expect(Math.abs(fromFirst - Math.round(fromFirst / 80) * 80)).toBeLessThan(4);
    }
  });

  it('looks at whole pages where that is asked for', async () => {
    const page = blackPage(2000, 2800);
    for (let top = 1200; top < 2000; top += 80) brighten(page, 1100, top, 1600, top + 30);
    const detector = brightnessDetector();
    const usual = { ...options, scale: detectionScale(page.width, page.height) };
    const quads = await detectText(detector, page, { ...usual, wholePages: true });
    const scale = detector.barHeights[1]! / 30;
    expect(pixelsOf(detector.sizes[1]!)).toBeGreaterThan(0.9 * 2000 * 2800 * scale ** 2);
    expect(quads).toHaveLength(10);
  });

  it('looks in full where small print may be that the glimpse did not show', async () => {
    const page = blackPage(2000, 2800);
    for (let top = 1200; top < 2000; top += 80) brighten(page, 1100, top, 1600, top + 30);
    // Gray, so that the detector of this test does not see it; some rows of short strokes.
    for (let x = 40; x < 240; x += 12) {
      for (let y = 60; y < 76; y++) page.data.fill(90, (y * page.width + x) * 3, (y * page.width + x + 5) * 3);
    }
    const detector = brightnessDetector();
    await detectText(detector, page, { ...options, scale: detectionScale(page.width, page.height) });
    const scale = Math.max(...detector.barHeights.slice(1)) / 30;
    const seen = detector.sizes.slice(1).reduce((sum, size) => sum + pixelsOf(size), 0);
    expect(seen).toBeGreaterThan((1600 - 40) * (1950 - 60) * scale ** 2);
  });

  it('does not glimpse at a small page first', async () => {
    const page = blackPage(500, 400);
    brighten(page, 100, 100, 400, 120);
    const detector = brightnessDetector();
    await detectText(detector, page, { ...options, scale: 1 });
    expect(detector.sizes).toEqual([[1, 3, 416, 512]]);
  });

  it.each([
    ['tall', 320, 6000],
    ['wide', 6000, 320],
  ])('cuts a %s page into slices and finds each of its lines once and whole', async (_, width, height) => {
    const page = blackPage(width, height);
    const starts = Array.from({ length: 58 }, (__, i) => 60 + i * 100);
    for (const at of starts) {
      if (height > width) brighten(page, 40, at, 280, at + 30);
      else brighten(page, at, 40, at + 60, 70);
    }
    const detector = brightnessDetector();
    const maxRunArea = 500_000;
    const quads = await detectText(detector, page, { ...options, maxRunArea });
    expect(detector.sizes.length).toBeGreaterThan(1);
    for (const size of detector.sizes) expect(pixelsOf(size)).toBeLessThanOrEqual(maxRunArea);
    const found = quads.map((quad) => extent(quad)[height > width ? 1 : 0]!).toSorted((a, b) => a - b);
    expect(found).toHaveLength(starts.length);
    for (const [i, at] of found.entries()) expect(Math.abs(at - starts[i]!)).toBeLessThan(26);
  });

  it('gives a crop without margin one, and answers inside of the crop', async () => {
    const page = blackPage(300, 40);
    brighten(page, 10, 10, 290, 30);
    const detector = brightnessDetector();
    await detectText(detector, page, options);
    expect(detector.sizes[0]![2]).toBeGreaterThan(40);
    expect(detector.sizes[0]![3]).toBeGreaterThan(300);
  });

  it('does not bother the network with slices of one color', async () => {
    const page = blackPage(320, 12_000);
    page.data.fill(7, 0, 3000);
    brighten(page, 40, 6000, 280, 6030);
    const detector = brightnessDetector();
    expect(await detectText(detector, page, options)).toHaveLength(1);
    expect(detector.sizes).toHaveLength(1);
  });

  it.each([
    [300_000, 8],
    [8, 300_000],
    [60_000, 100],
  ])('bounds the work on a page of %i × %i pixels', async (width, height) => {
    const page = blackPage(width, height);
    page.data.fill(255, page.data.length - 3000);
    const detector = brightnessDetector();
    await detectText(detector, page, { ...options, scale: detectionScale(width, height) });
    const pixels = detector.sizes.reduce((sum, [, , h = 0, w = 0]) => sum + h * w, 0);
    expect(pixels).toBeLessThan(14_000_000);
  });

  it('stops between two slices when it is told to', async () => {
    const signal = AbortSignal.abort();
    await expect(detectText(brightnessDetector(), blackPage(320, 6000), { ...options, signal })).rejects.toThrow(
      /abort/i,
    );
  });
});

describe('detectionScale', () => {
  it.each([
    ['a scanned page', 2480, 3508, 0.3, 0.6],
    ['a small picture, enlarged but not beyond reason', 200, 100, 1.5, 2],
    ['a long screenshot, kept in full width', 800, 12_000, 0.9, 1],
    ['a wide panorama, likewise', 12_000, 1000, 0.7, 0.8],
    ['a page of 40 million pixels, within bounds', 1000, 40_000, 0.5, 0.6],
  ])('suits %s', (_, width, height, low, high) => {
    const scale = detectionScale(width, height);
    expect(scale).toBeGreaterThanOrEqual(low);
    expect(scale).toBeLessThanOrEqual(high);
  });
});
