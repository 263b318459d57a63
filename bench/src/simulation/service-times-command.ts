import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type EnginePool, modelNames } from '@glyphmill/ocr/pool';
import { oneFolder, oneOf, UsageError, wholeNumber, type Surroundings } from '../bench-surroundings.ts';
import { type BenchImage, loadImages } from '../image-set.ts';
import { median, percentile } from '../percentile.ts';
import { fixed, formatTable } from '../table.ts';
import { createWarmPool } from '../warm-pool.ts';
import { readServiceTimes, type ServiceTimeMeasurement, serviceTimesFile } from './service-times.ts';

export const serviceTimesUsage = `Measures how long an engine needs for each page of a folder while its neighbors read, too, pictures for people included,
and keeps the times (nothing of the pages) in bench/service-times.json, which the simulation draws from. Let nothing else run meanwhile.

Usage: npm run bench -- service-times DIR --name NAME --pages WORDS [options]

  --name NAME          under which they are kept; what was there is replaced
  --pages WORDS        what the pages are, for people
  --model small|tiny   default small
  --processes N        engines that read at the same time, as in a pod that is busy (default 2)
  --rounds N           how often each page is read; the median of them counts (default 3)
`;

const loads = 3;

export async function runServiceTimes(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const { dir, name, pages, model, processes, rounds } = parseServiceTimesArguments(args, surroundings.cwd);
  const images = await loadImages(dir, undefined);
  surroundings.note(`loading the models ${loads} times`);
  const loadMs: number[] = [];
  for (let load = 0; load < loads; load += 1) {
    const startedAt = performance.now();
    const pool = await createWarmPool({ model, processes: 1 }, undefined);
    loadMs.push(performance.now() - startedAt);
    await pool.close();
  }
  surroundings.note(`${images.length} pages, ${rounds} times each`);
  const pool = await createWarmPool({ model, processes }, images[0]);
  let pageMs: number[];
  try {
    pageMs = await timePages(images, rounds, pool);
  } finally {
    await pool.close();
  }
  const measurement: ServiceTimeMeasurement = {
    model,
    pages,
    modelLoadMs: Math.round(median(loadMs)),
    pageMs: pageMs.map(Math.round).toSorted((a, b) => a - b),
  };
  await keep(name, measurement);
  surroundings.print(describe(name, measurement));
}

/** Rounds over all pages, rather than each page several times: a slow minute hits every page once. */
async function timePages(images: readonly BenchImage[], rounds: number, pool: EnginePool): Promise<number[]> {
  const times = images.map((): number[] => []);
  const left = Array.from({ length: rounds }, () => [...images.entries()])
    .flat()
    .values();
  const readOn = async (): Promise<void> => {
    // All engines take from the same pages.
    for (const [index, { bytes }] of left) {
      const startedAt = performance.now();
      await pool.recognize(bytes, { pictures: 'webp' });
      times[index]?.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: pool.size }, readOn));
  return times.map(median);
}

async function keep(name: string, measurement: ServiceTimeMeasurement): Promise<void> {
  const all = new Map(
    await readFile(serviceTimesFile).then(
      () => readServiceTimes(),
      () => new Map(),
    ),
  );
  all.set(name, measurement);
  // A line for each: times are looked at as a whole or not at all.
  const lines = [...all].map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  await writeFile(serviceTimesFile, `{\n${lines.join(',\n')}\n}\n`);
}

function describe(name: string, { pageMs, modelLoadMs }: ServiceTimeMeasurement): string {
  const mean = pageMs.reduce((sum, ms) => sum + ms, 0) / pageMs.length;
  return formatTable([
    [name, 'ms'],
    ['loading the models', fixed(modelLoadMs, 0)],
    ['a page: mean', fixed(mean, 0)],
    ...[0.1, 0.5, 0.9].map((share) => [`a page: p${share * 100}`, fixed(percentile(pageMs, share), 0)]),
  ]);
}

function parseServiceTimesArguments(args: readonly string[], cwd: string) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      pages: { type: 'string' },
      model: { type: 'string', default: 'small' },
      processes: { type: 'string' },
      rounds: { type: 'string' },
    },
  });
  const { name, pages } = values;
  if (name === undefined || pages === undefined) throw new UsageError('Say --name and --pages');
  return {
    dir: oneFolder(positionals, cwd),
    name,
    pages,
    model: oneOf('--model', values.model, modelNames),
    processes: wholeNumber('--processes', values.processes, 1) ?? 2,
    rounds: wholeNumber('--rounds', values.rounds, 1) ?? 3,
  };
}
