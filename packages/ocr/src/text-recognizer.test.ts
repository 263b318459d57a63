import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Image } from './image.ts';
import type { Model, Tensor } from './model.ts';
import { paddedWidth, recognizeLine, widthSteps } from './text-recognizer.ts';
import type { Quad } from './types.ts';

const page: Image = { data: new Uint8Array(400 * 100 * 3).fill(255), width: 400, height: 100 };

function box(width: number, height: number): Quad {
  return [
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
  ];
}

/** Answers "ab" with 0.8 and 0.6, and remembers what it saw. */
function reader(): Model & { readonly inputs: Tensor[] } {
  const inputs: Tensor[] = [];
  return {
    inputs,
    run(input) {
      inputs.push(input);
      return Promise.resolve([
        { data: Int32Array.of(1, 0, 2), dims: [1, 3] },
        { data: Float32Array.of(0.8, 0.9, 0.6), dims: [1, 3] },
        { data: Float32Array.of(0, 0, 0), dims: [1, 3] },
      ]);
    },
    close: () => Promise.resolve(),
  };
}

describe('recognizeLine', () => {
  it('shows the line at the height of the network, at its true width, zeros behind it', async () => {
    const model = reader();
    await recognizeLine({ model, characters: ['', 'a', 'b', ' '] }, page, box(300, 48));
    const { dims, data } = model.inputs[0]!;
    expect(dims).toEqual([1, 3, 48, 304]);
    expect(data[0]).toBeCloseTo(1);
    expect(data[299]).toBeCloseTo(1);
    expect(data[300]).toBe(0);
    expect(data[303]).toBe(0);
  });

  it('shows nothing of the line before behind a shorter one', async () => {
    const model = reader();
    await recognizeLine({ model, characters: [''] }, page, box(300, 48));
    await recognizeLine({ model, characters: [''] }, page, box(100, 48));
    const { dims, data } = model.inputs[1]!;
    expect(dims).toEqual([1, 3, 48, 112]);
    const isPadding = (i: number): boolean => i % 112 >= 100;
    expect(data.every((value, i) => (isPadding(i) ? value === 0 : value === 1))).toBe(true);
  });

  it('pads to the step that it is told, and says how much is no padding', async () => {
    const model = reader();
    const run = vi.spyOn(model, 'run');
    await recognizeLine({ model, characters: ['', 'a', 'b'], widthStep: 64 }, page, box(300, 48));
    expect(model.inputs[0]!.dims).toEqual([1, 3, 48, 320]);
    expect(run.mock.calls[0]![1]).toMatchObject({ filled: 300 / 320 });
  });

  it('gives a single letter some background', async () => {
    const model = reader();
    await recognizeLine({ model, characters: ['', 'a', 'b', ' '] }, page, box(24, 48));
    const { dims, data } = model.inputs[0]!;
    expect(dims).toEqual([1, 3, 48, 96]);
    expect(data[23]).toBeCloseTo(1);
    expect(data[24]).toBe(0);
  });

  it('gives it as much as it is told', async () => {
    const model = reader();
    await recognizeLine({ model, characters: ['', 'a', 'b', ' '], minWidth: 160 }, page, box(24, 48));
    expect(model.inputs[0]!.dims).toEqual([1, 3, 48, 160]);
  });

  it('decodes what the network answers', async () => {
    const reading = await recognizeLine({ model: reader(), characters: ['', 'a', 'b', ' '] }, page, box(300, 48));
    expect(reading).toEqual({ text: 'ab', confidence: expect.closeTo(0.7) });
  });

  it('squeezes what is longer than any line', async () => {
    const model = reader();
    await recognizeLine({ model, characters: [''] }, page, box(399, 2));
    expect(model.inputs[0]!.dims[3]).toBeLessThanOrEqual(4096);
  });

  it('survives a line without any area', async () => {
    const model = reader();
    await recognizeLine({ model, characters: ['', 'a', 'b'] }, page, box(0, 0));
    expect(model.inputs[0]!.data.every(Number.isFinite)).toBe(true);
  });

  it('refuses a network with other outputs', async () => {
    const model: Model = { run: () => Promise.resolve([]), close: () => Promise.resolve() };
    await expect(recognizeLine({ model, characters: [''] }, page, box(9, 9))).rejects.toThrow('other outputs');
  });
});

describe('paddedWidth', () => {
  it.each(Object.entries(widthSteps))('is never narrower than the line, and knows few widths: %s', (_, step) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4096 }), (width) => {
        const padded = paddedWidth(width, step);
        expect(padded).toBeGreaterThanOrEqual(width);
        expect(padded - width).toBeLessThan(Math.max(96, width * 0.1));
        expect(padded % step).toBe(0);
      }),
    );
    const widths = new Set(Array.from({ length: 4096 }, (_line, width) => paddedWidth(width + 1, step)));
    expect(widths.size).toBeLessThanOrEqual(4096 / step);
  });
});
