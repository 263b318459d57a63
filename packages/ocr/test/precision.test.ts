import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createEngine, type Line } from '../src/engine.ts';
import type { WeightPrecision } from '../src/types.ts';

const sample = fileURLToPath(new URL('../samples/tilted-receipt.jpg', import.meta.url));

async function readSample(precision: WeightPrecision): Promise<readonly Line[]> {
  const engine = await createEngine({ model: 'small', precision });
  try {
    return (await engine.recognize(await readFile(sample))).lines;
  } finally {
    await engine.close();
  }
}

it('reads in 8 bits as in float32, and is as sure of it', async () => {
  const float = await readSample('fp32');
  const eight = await readSample('int8');
  expect(eight.map(({ text }) => text)).toEqual(float.map(({ text }) => text));
  const differences = eight.map(({ confidence }, at) => Math.abs(confidence - float[at]!.confidence));
  expect(Math.max(...differences)).toBeLessThan(0.05);
  // Other weights give other digits somewhere; the same ones would not.
  expect(Math.max(...differences)).toBeGreaterThan(0);
});
