// Each sample is an image beside the text that it shows: NAME and NAME.expected.txt.
// UPDATE_EXPECTED=1 writes what the engine reads; look at the difference before you commit it.
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine, type Engine } from '../src/engine.ts';

const samples = fileURLToPath(new URL('../samples/', import.meta.url));
const suffix = '.expected.txt';
const names = readdirSync(samples)
  .filter((name) => name.endsWith(suffix))
  .map((name) => name.slice(0, -suffix.length));

describe.each(['fp32', 'int8'] as const)('with %s weights the engine reads', (precision) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ model: 'small', precision });
  });
  afterAll(() => engine.close());

  it.each(names)('%s', async (name) => {
    const page = await engine.recognize(await readFile(samples + name));
    const text = page.lines.map((line) => `${line.text}\n`).join('');
    if (process.env['UPDATE_EXPECTED'] === '1' && precision === 'fp32') await writeFile(samples + name + suffix, text);
    expect(text).toBe(await readFile(samples + name + suffix, 'utf8'));
    for (const [x, y] of page.lines.flatMap((line) => line.box)) {
      expect([x, y].every(Number.isInteger)).toBe(true);
      expect(x).toSatisfy((value: number) => value >= 0 && value < page.width);
      expect(y).toSatisfy((value: number) => value >= 0 && value < page.height);
    }
  });
});
