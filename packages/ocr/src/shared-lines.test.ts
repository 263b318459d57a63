import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reading } from './ctc-decode.ts';
import type { Image } from './image.ts';
import type { Model } from './model.ts';
import { type LineChunk, SharedLines } from './shared-lines.ts';
import { recognizeCrop, recognizeLine, type TextRecognizer } from './text-recognizer.ts';
import type { Quad } from './types.ts';

/** Rows of different brightness, so that no two lines have the same pixels. */
const page: Image = { width: 2_000, height: 250, data: new Uint8Array(2_000 * 250 * 3).map((_, at) => at / 6_000) };

/** "Reads" the brightness of a line as its one character, and its width as the probability. */
const model: Model = {
  run({ data, dims }) {
    const width = dims[3] ?? 1;
    // The lines are of one color each; the first pixel is never padding.
    const brightness = Math.round((((data[0] ?? 0) + 1) / 2) * 250);
    const outputs = [
      { data: Int32Array.of(brightness + 1), dims: [1, 1] },
      { data: Float32Array.of(1 / width), dims: [1, 1] },
      { data: Float32Array.of(0), dims: [1, 1] },
    ];
    // As the runtime does: the event loop turns before a network runs.
    return new Promise((resolve) => setImmediate(() => resolve(outputs)));
  },
  close: () => Promise.resolve(),
};
const characters = ['', ...Array.from({ length: 300 }, (_, at) => String.fromCodePoint(0x4e00 + at))];
const recognizer: TextRecognizer = { model, characters };

/** A line of `length` × 10 pixels in a row of its own. */
function quad(row: number, length: number): Quad {
  const y = row * 12;
  return [
    [0, y],
    [length, y],
    [length, y + 10],
    [0, y + 10],
  ];
}

const linesOf = (lengths: readonly number[]) => lengths.map((length, row) => ({ row, along: quad(row, length) }));
const readAlone = (lines: readonly { row: number; along: Quad }[]) =>
  Promise.all(lines.map(async (line) => ({ ...line, reading: await recognizeLine(recognizer, page, line.along) })));
const readChunk = async ({ crops }: LineChunk): Promise<Reading[]> =>
  Promise.all(crops.map((crop) => recognizeCrop(recognizer, crop)));

describe('SharedLines', () => {
  it('reads what it reads alone, whoever helps, stops early or never answers', async () => {
    const help = fc.array(
      fc.record({ helpers: fc.integer({ min: 1, max: 16 }), answer: fc.constantFrom('all', 'some', 'none', 'never') }),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 2, max: 200 }), { maxLength: 12 }), help, async (lengths, asked) => {
        const lines = linesOf(lengths);
        const shared = new SharedLines(recognizer, page, lines, { patienceMs: 1 });
        const reading = shared.read();
        for (const { helpers, answer } of asked) {
          const chunk = shared.handOut(helpers);
          if (chunk === undefined) break;
          const readings = await readChunk(chunk);
          const told = { all: readings.length, some: readings.length >> 1, none: 0 };
          if (answer !== 'never') shared.settle(chunk.chunk, readings.slice(0, told[answer]));
        }
        expect(await reading).toEqual(await readAlone(lines));
      }),
      { numRuns: 40 },
    );
  });

  it('hands out the longest first, and less at a time the less is left', () => {
    const shared = new SharedLines(recognizer, page, linesOf([100, 900, 20, 20, 20, 500, 20, 20]));
    const chunks: number[][] = [];
    for (let chunk = shared.handOut(1); chunk !== undefined; chunk = shared.handOut(1)) {
      chunks.push(chunk.crops.map(({ width }) => width));
    }
    expect(chunks.slice(0, 3)).toEqual([[4_096], [2_400], [480]]);
    expect(chunks.slice(3).flat()).toEqual([96, 96, 96, 96, 96]);
    const many = new SharedLines(recognizer, page, linesOf(Array.from({ length: 20 }, () => 20)));
    const [forOne, forFive] = [many.handOut(1)?.crops.length, many.handOut(5)?.crops.length];
    expect([forOne, forFive]).toEqual([2, 1]);
  });

  it('reads itself what comes back, and does not hand it out again', async () => {
    const lines = linesOf([300, 200]);
    const shared = new SharedLines(recognizer, page, lines);
    const chunks = [shared.handOut(1), shared.handOut(1)];
    for (const chunk of chunks) shared.settle(chunk?.chunk ?? -1, []);
    expect(shared.handOut(1)).toBeUndefined();
    expect(await shared.read()).toEqual(await readAlone(lines));
  });

  it('stops waiting for others when nobody wants the page any more', async () => {
    const shared = new SharedLines(recognizer, page, linesOf([300]), { patienceMs: 3_600_000 });
    shared.handOut(1);
    const abort = new AbortController();
    const reading = shared.read(abort.signal);
    abort.abort();
    await expect(reading).rejects.toThrow(/abort/i);
  });

  it('fails with what the network fails with', async () => {
    const broken = { ...recognizer, model: { ...model, run: () => Promise.reject(new Error('broken')) } };
    await expect(new SharedLines(broken, page, linesOf([300])).read()).rejects.toThrow('broken');
  });
});
