import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Counts } from './count-instructions.ts';
import { kernelNames, kernels } from './kernels.ts';

/** A kernel may cost this much more than its baseline: counts repeat within 1 %, and a smaller loss is worth no red build. */
const allowedGrowth = 0.1;

const file = new URL('baseline.json', import.meta.url);

const baselineSchema = z.object({
  /** Of Node, whose compiler decides how many instructions a kernel takes. */
  node: z.string(),
  instructions: z.record(z.string(), z.number().positive()),
});

export type Baseline = z.infer<typeof baselineSchema>;

export async function readBaseline(): Promise<Baseline> {
  return baselineSchema.parse(JSON.parse(await readFile(file, 'utf8')));
}

export async function writeBaseline(counts: Counts): Promise<void> {
  const instructions = Object.fromEntries(kernelNames.map((name) => [name, Number(counts[name].toPrecision(4))]));
  const baseline: Baseline = { node: process.versions.node, instructions };
  await writeFile(file, `${JSON.stringify(baseline, undefined, 2)}\n`);
}

/** How much more a kernel costs than its baseline, as a share of it; `undefined` for one that has none. */
export function growthOf(count: number, known: number | undefined): number | undefined {
  return known === undefined ? undefined : count / known - 1;
}

export function isTooMuch(growth: number | undefined): boolean {
  return growth === undefined || growth > allowedGrowth;
}

/** One line for each kernel: instructions per unit, those of the baseline, and the change. */
export function tableOf(counts: Counts, baseline: Baseline): string {
  const rows = kernelNames.map((name) => {
    const known = baseline.instructions[name];
    const growth = growthOf(counts[name], known);
    const change = growth === undefined ? 'new' : `${growth < 0 ? '' : '+'}${(growth * 100).toFixed(1)} %`;
    const mark = isTooMuch(growth) ? '  ← too much' : '';
    const perUnit = `${counts[name].toFixed(1)} per ${kernels[name].unit}`;
    return `${name.padEnd(44)}${perUnit.padStart(18)}${(known?.toFixed(1) ?? '–').padStart(10)}${change.padStart(10)}${mark}`;
  });
  const head = `${'instructions'.padEnd(44)}${'now'.padStart(18)}${'baseline'.padStart(10)}${'change'.padStart(10)}`;
  return [head, ...rows].join('\n');
}
