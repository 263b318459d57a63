import { beforeAll, describe, expect, inject, test } from 'vitest';
import { type Baseline, growthOf, isTooMuch, readBaseline, tableOf, writeBaseline } from './baseline.ts';
import { countInstructions, type Counts } from './count-instructions.ts';
import { kernelNames } from './kernels.ts';

const updates = inject('updatesBaseline');

// Other processors have other instructions, and no baseline.
describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the JavaScript of the engine', () => {
  let baseline: Baseline;
  let counts: Counts;
  beforeAll(async () => {
    baseline = await readBaseline();
    counts = await countInstructions(process.env['VALGRIND'] ?? 'valgrind');
    console.log(tableOf(counts, baseline));
    if (updates) await writeBaseline(counts);
  });

  test('is measured by the compiler that the baseline is of', () => {
    if (updates) return;
    const advice = 'Another Node: see that it costs no more, and npm run bench:instructions -- --update';
    expect(process.versions.node.split('.')[0], advice).toBe(baseline.node.split('.')[0]);
  });

  test.each(kernelNames)('takes no more instructions than it did: %s', (name) => {
    if (updates) return;
    const growth = growthOf(counts[name], baseline.instructions[name]);
    expect(isTooMuch(growth), tableOf(counts, baseline)).toBe(false);
  });
});

test('a tenth more than the baseline is too much, and so is what has none', () => {
  expect(isTooMuch(growthOf(10.9, 10))).toBe(false);
  expect(isTooMuch(growthOf(5, 10))).toBe(false);
  expect(isTooMuch(growthOf(11.1, 10))).toBe(true);
  expect(isTooMuch(growthOf(1, undefined))).toBe(true);
});
