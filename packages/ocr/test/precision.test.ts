import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createEngine, modelNames, type Line, type ModelName } from '../src/engine.ts';
import type { WeightPrecision } from '../src/types.ts';

const sample = fileURLToPath(new URL('../samples/tilted-receipt.jpg', import.meta.url));

async function readSample(model: ModelName, precision: WeightPrecision): Promise<readonly Line[]> {
  const engine = await createEngine({ model, precision });
  try {
    return (await engine.recognize(await readFile(sample))).lines;
  } finally {
    await engine.close();
  }
}

describe.each(modelNames)('the model %s in 8 bits', (model) => {
  it('reads as in float32, and is as sure of it', async () => {
    const float = await readSample(model, 'fp32');
    const eight = await readSample(model, 'int8');
    expect(eight.map(({ text }) => text)).toEqual(float.map(({ text }) => text));
    const differences = eight.map(({ confidence }, at) => Math.abs(confidence - float[at]!.confidence));
    expect(Math.max(...differences)).toBeLessThan(0.05);
    // Other weights give other digits somewhere; the same ones would not.
    expect(Math.max(...differences)).toBeGreaterThan(0);
  });
});
