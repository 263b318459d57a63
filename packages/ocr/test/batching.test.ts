// The real networks on a CPU: what batches do to a reading must not depend on what computes it.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BatchReport, createEngine, type Engine, type PageResult } from '../src/engine.ts';

const names = [
  'single-line-tight.png',
  'sample.webp',
  'exif-1.jpg',
  'upside-down.png',
  'blank.png',
  'sample.webp',
  'progressive.jpg',
];
// Batches are for GPUs, and those compute in float32. In 8 bits the lines of a batch share one scale.
const precision = 'fp32';
/** So long that pages which are decoded one after another on a busy machine still meet. */
const batching = { maxBatchSize: 4, maxQueueDelayMs: 2_000 };

let pages: Buffer[];
let alone: Engine;
beforeAll(async () => {
  pages = await Promise.all(
    names.map((name) => readFile(fileURLToPath(new URL(`../samples/${name}`, import.meta.url)))),
  );
  alone = await createEngine({ model: 'tiny', precision, widthStep: 64, wholePages: true });
});
afterAll(() => alone.close());

const linesOf = (read: readonly PageResult[]) => read.map(({ lines }) => lines.map(({ text, box }) => ({ text, box })));

describe('batches', () => {
  it('change nothing of what is read, whoever is in company with whom', async () => {
    const unbatched: PageResult[] = [];
    for (const page of pages) unbatched.push(await alone.recognize(page));
    const batches: BatchReport[] = [];
    const onBatch = (batch: BatchReport): void => void batches.push(batch);
    const engine = await createEngine({ model: 'tiny', precision, widthStep: 64, batching, onBatch });
    try {
      const batched = await Promise.all(pages.map((page) => engine.recognize(page)));
      expect(linesOf(batched)).toEqual(linesOf(unbatched));
      for (const [at, { lines }] of batched.entries()) {
        for (const [row, line] of lines.entries()) {
          expect(line.confidence).toBeCloseTo(unbatched[at]!.lines[row]!.confidence, 3);
        }
      }
    } finally {
      await engine.close();
    }
    const sizes = (model: string) => batches.filter((batch) => batch.model === model).map(({ size }) => size);
    // The two pages of one shape shared a run of the detector, lines of all pages those of the recognizer.
    expect(Math.max(...sizes('detector'))).toBeGreaterThan(1);
    expect(Math.max(...sizes('recognizer'))).toBe(4);
    expect(batches.every(({ fill }) => fill > 0 && fill <= 1)).toBe(true);
  });

  it('stop for a page that is not wanted any more, and go on for the others', async () => {
    const engine = await createEngine({ model: 'tiny', precision, batching });
    try {
      const abort = new AbortController();
      const [unwanted, wanted] = [
        engine.recognize(pages[2]!, { signal: abort.signal }),
        engine.recognize(pages[0]!, {}),
      ];
      setTimeout(() => abort.abort(), 100);
      await expect(unwanted).rejects.toMatchObject({ code: 'aborted' });
      expect((await wanted).lines.length).toBeGreaterThan(0);
    } finally {
      await engine.close();
    }
  });

  it('of a GPU with too little memory for one page are refused', async () => {
    await expect(createEngine({ model: 'tiny', precision, batching, gpuMemoryLimitBytes: 1e9 })).rejects.toMatchObject({
      code: 'engine_failed',
      message: expect.stringContaining('too small'),
    });
  });
});

describe.skipIf(existsSync('/dev/nvidia0'))('without a GPU', () => {
  it('CUDA is an error, and never a CPU in disguise', async () => {
    await expect(createEngine({ model: 'tiny', provider: 'cuda' })).rejects.toMatchObject({
      code: 'provider_unavailable',
      message: expect.stringContaining('CUDA cannot be used here'),
    });
  });
});
