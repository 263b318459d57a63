import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Model, Tensor } from './model.ts';
import { type Networks, readPage } from './pipeline.ts';
import { defaultImageLimits } from './types.ts';

// A page of bars stands in for text: bright = text, and the first character of each bar is marked by a red cell.
// The fake recognizer "reads" a bar well when the red cell is on the left, badly when it is on the right.

const boxes = { binThreshold: 0.2, boxThreshold: 0.45, unclipRatio: 0.0 };
let upright: Buffer;
let turned: Buffer;

beforeAll(async () => {
  const bars = [0, 1, 2].map((row) => ({ left: 40, top: 40 + row * 60, width: 200, height: 24 }));
  const layer = (box: (typeof bars)[number], width: number, color: string) => ({
    input: { create: { width, height: box.height, channels: 3 as const, background: color } },
    left: box.left,
    top: box.top,
  });
  const overlays = bars.flatMap((box) => [layer(box, box.width, '#ffffff'), layer(box, 60, '#ff0000')]);
  upright = await sharp({ create: { width: 320, height: 240, channels: 3, background: '#000000' } })
    .composite(overlays)
    .png()
    .toBuffer();
  turned = await sharp(upright).rotate(180).png().toBuffer();
});

function model(answer: (input: Tensor) => readonly Tensor[]): Model & { runs: number } {
  return {
    runs: 0,
    run(input) {
      this.runs++;
      return Promise.resolve(answer(input));
    },
    close: () => Promise.resolve(),
  };
}

/** Blue (plane 0) of the pixel at the left end, in the middle row: dark where the red cell is. */
function startsRed({ data, dims }: Tensor): boolean {
  const [, , height = 0, width = 0] = dims;
  return data[Math.floor(height / 2) * width + 12]! < 0;
}

function networks(): Networks & { readonly classifierRuns: () => number } {
  const detector = model(({ data, dims }) => {
    const [, , height = 0, width = 0] = dims;
    const red = data.subarray(2 * height * width);
    return [{ data: Float32Array.from(red, (value) => (value > 1 ? 0.9 : 0)), dims: [1, 1, height, width] }];
  });
  const classifier = model((input) => [
    { data: startsRed(input) ? Float32Array.of(1, 0) : Float32Array.of(0, 1), dims: [1, 2] },
  ]);
  const recognizer = model((input) => {
    const good = startsRed(input);
    return [
      { data: Int32Array.of(good ? 1 : 2), dims: [1, 1] },
      { data: Float32Array.of(good ? 0.99 : 0.6), dims: [1, 1] },
      { data: Float32Array.of(0), dims: [1, 1] },
    ];
  });
  return {
    detector,
    boxes,
    classifier: { model: classifier, threshold: 0.9 },
    recognizer: { model: recognizer, characters: ['', 'upright', 'turned', ' '] },
    classifierRuns: () => classifier.runs,
  };
}

const options = { limits: defaultImageLimits, minConfidence: 0.5 };

describe('readPage', () => {
  it('reads the lines of a page from top to bottom, in its own pixels', async () => {
    const page = await readPage(networks(), upright, options);
    expect([page.width, page.height]).toEqual([320, 240]);
    expect(page.lines.map((line) => line.text)).toEqual(['upright', 'upright', 'upright']);
    for (const [row, line] of page.lines.entries()) {
      expect(Math.abs(line.box[0][0] - 40)).toBeLessThanOrEqual(3);
      expect(Math.abs(line.box[0][1] - (40 + row * 60))).toBeLessThanOrEqual(3);
      expect(line.box.flat().every(Number.isInteger)).toBe(true);
    }
  });

  it('reports boxes without the margin that lines are read with', async () => {
    const page = await readPage({ ...networks(), boxes: { ...boxes, unclipRatio: 1.4 } }, upright, options);
    // A bar of 200 × 24 grows by 15 pixels on each side, and is reported with 11.
    const [[left, top]] = page.lines[0]!.box;
    expect(Math.abs(left - 29)).toBeLessThanOrEqual(2);
    expect(Math.abs(top - 29)).toBeLessThanOrEqual(2);
  });

  it('does not ask the classifier about lines that were read with confidence', async () => {
    const fakes = networks();
    await readPage(fakes, upright, options);
    expect(fakes.classifierRuns()).toBe(0);
  });

  it('turns the lines of a page that stands on its head', async () => {
    const page = await readPage(networks(), turned, options);
    expect(page.lines.map((line) => line.text)).toEqual(['upright', 'upright', 'upright']);
  });

  it('leaves out what is read with too little confidence', async () => {
    const page = await readPage(networks(), upright, { ...options, minConfidence: 0.995 });
    expect(page.lines).toEqual([]);
  });

  it('stops when it is told to', async () => {
    await expect(readPage(networks(), upright, { ...options, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it('tells how long each stage took', async () => {
    const { timings } = await readPage(networks(), upright, options);
    const { total, ...stages } = timings;
    const sum = Object.values(stages).reduce((a, b) => a + b, 0);
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThanOrEqual(total);
  });
});
