import { describe, expect, it } from 'vitest';
import type { Image } from './image.ts';
import type { Model, Tensor } from './model.ts';
import { isUpsideDown } from './text-classifier.ts';
import type { Quad } from './types.ts';

const page: Image = { data: new Uint8Array(400 * 48 * 3).fill(255), width: 400, height: 48 };
const line: Quad = [
  [0, 0],
  [400, 0],
  [400, 48],
  [0, 48],
];

function classifier(upsideDown: number): Model & { readonly inputs: Tensor[] } {
  const inputs: Tensor[] = [];
  return {
    inputs,
    run(input) {
      inputs.push(input);
      return Promise.resolve([{ data: Float32Array.of(1 - upsideDown, upsideDown), dims: [1, 2] }]);
    },
    close: () => Promise.resolve(),
  };
}

describe('isUpsideDown', () => {
  it.each([
    [0.95, true],
    [0.85, false],
    [0.1, false],
  ])('of a line that the network finds so with %f: %s', async (probability, expected) => {
    expect(await isUpsideDown({ model: classifier(probability), threshold: 0.9 }, page, line)).toBe(expected);
  });

  it('shows the network 192 × 48 pixels', async () => {
    const model = classifier(0);
    await isUpsideDown({ model, threshold: 0.9 }, page, line);
    expect(model.inputs[0]!.dims).toEqual([1, 3, 48, 192]);
  });
});
