import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { modelNames } from '@glyphmill/ocr/pool';
import type { EnginePool } from '@glyphmill/ocr/pool';
import { absolutePath, oneOf, UsageError, wholeNumber, type Surroundings } from './bench-surroundings.ts';
import { loadImages, type BenchImage } from './image-set.ts';
import { slope } from './percentile.ts';
import { readMemory, watchMemory } from './proc-stat.ts';
import { createRandom, cropAtRandom, drawPhoto, photoSize } from './soak-images.ts';
import { fixed, formatTable, megabytes } from './table.ts';
import { createWarmPool } from './warm-pool.ts';

export const soakUsage = `Shows whether the memory of engine processes stays flat: many small images of ever new shapes with whole ones
among them, then one photo of ${photoSize.width} × ${photoSize.height} pixels.

Usage: npm run e2e:soak -- [DIR] [options]

  DIR                    images to cut pieces from, and to read whole (default: the engine's samples)
  --images N             how many are read (default 2000)
  --model small|tiny     default small
  --processes N          default 2
  --whole-every N        one in N images is a whole one (default 20)
  --seed N               of the pieces (default 1)
  --json FILE            all samples as JSON
`;

const samplesDir = fileURLToPath(new URL('../../packages/ocr/samples', import.meta.url));
/** Memory may grow until every kind of image has been seen; growth is counted from here. */
const settledAfter = 500;
const sampleEvery = 25;

interface Sample {
  readonly images: number;
  /** Resident bytes by process id. */
  readonly rss: Readonly<Record<number, number>>;
}

type SoakOptions = ReturnType<typeof parseSoakArguments>;

export async function runSoak(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const options = parseSoakArguments(args, surroundings.cwd);
  const sources = await loadImages(options.dir, undefined);
  const { model, processes } = options;
  surroundings.note(`${options.images} images from ${sources.length}, model ${model}, ${processes} engine processes`);
  const pool = await createWarmPool({ model, processes, maxImageBytes: 64e6 }, sources[0]);
  try {
    const samples = await soak(pool, sources, { ...options, note: surroundings.note });
    const beforePhoto = pool.stats().pids.map((pid) => readMemory(pid).peak);
    const photo = await readPhoto(pool, sources);
    printSoak({ samples, beforePhoto, photo }, surroundings);
    if (options.json !== undefined) {
      await writeFile(options.json, `${JSON.stringify({ model, samples, beforePhoto, photo }, null, 2)}\n`);
    }
  } finally {
    await pool.close();
  }
}

function parseSoakArguments(args: readonly string[], cwd: string) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      images: { type: 'string' },
      model: { type: 'string', default: 'small' },
      processes: { type: 'string' },
      'whole-every': { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'string' },
    },
  });
  if (positionals.length > 1) throw new UsageError('Name at most one folder of images');
  return {
    dir: positionals[0] === undefined ? samplesDir : path.resolve(cwd, positionals[0]),
    images: wholeNumber('--images', values.images, 1) ?? 2000,
    model: oneOf('--model', values.model, modelNames),
    processes: wholeNumber('--processes', values.processes, 1) ?? 2,
    wholeEvery: wholeNumber('--whole-every', values['whole-every'], 1) ?? 20,
    seed: wholeNumber('--seed', values.seed, 0) ?? 1,
    json: absolutePath(values.json, cwd),
  };
}

async function soak(
  pool: EnginePool,
  sources: readonly BenchImage[],
  { images, wholeEvery, seed, note }: SoakOptions & Pick<Surroundings, 'note'>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  let [started, done] = [0, 0];
  const readUntilDone = async (): Promise<void> => {
    while (started < images) {
      const number = started++;
      // Of its own, so that it does not matter which image is finished first.
      const random = createRandom(seed + number);
      // Whole ones come in turn; pieces are cut from any.
      const whole = number % wholeEvery === 0;
      const source = sources[whole ? (number / wholeEvery) % sources.length : Math.floor(random() * sources.length)];
      if (source === undefined) return;
      await pool.recognize(whole ? source.bytes : await cropAtRandom(source, random));
      done++;
      if (done % sampleEvery === 0) samples.push({ images: done, rss: residentBytes(pool) });
      if (done % 250 === 0) note(`${done} images, ${Object.values(residentBytes(pool)).map(megabytes).join(' + ')} MB`);
    }
  };
  await Promise.all(Array.from({ length: pool.size }, readUntilDone));
  return samples;
}

function residentBytes(pool: EnginePool): Record<number, number> {
  return Object.fromEntries(pool.stats().pids.map((pid) => [pid, readMemory(pid).rss]));
}

interface PhotoReading {
  readonly bytes: number;
  readonly seconds: number;
  readonly lines: number;
  /** Highest resident memory of any engine process since its start. */
  readonly peakBytes: number;
}

async function readPhoto(pool: EnginePool, sources: readonly BenchImage[]): Promise<PhotoReading> {
  const photo = await drawPhoto(sources);
  const memory = watchMemory(() => pool.stats().pids);
  const from = performance.now();
  const { lines } = await pool.recognize(photo);
  const seconds = (performance.now() - from) / 1000;
  return { bytes: photo.length, seconds, lines: lines.length, peakBytes: Math.max(...memory.stop().each) };
}

interface SoakFindings {
  readonly samples: readonly Sample[];
  readonly beforePhoto: readonly number[];
  readonly photo: PhotoReading;
}

function printSoak({ samples, beforePhoto, photo }: SoakFindings, { print }: Surroundings): void {
  const settled = samples.filter(({ images }) => images >= settledAfter);
  const pids = Object.keys(samples.at(-1)?.rss ?? {}).map(Number);
  const rows = pids.map((pid, i) => {
    const points = settled.flatMap(({ images, rss }) => {
      const bytes = rss[pid];
      return bytes === undefined ? [] : [[images / 1000, bytes / 1e6] as const];
    });
    const seen = samples.filter(({ rss }) => pid in rss).length;
    return [
      `engine ${i + 1}${seen < samples.length ? ' (replaced meanwhile)' : ''}`,
      fixed(points[0]?.[1], 0),
      fixed(points.at(-1)?.[1], 0),
      fixed(slope(points), 1),
      megabytes(beforePhoto[i] ?? Number.NaN),
    ];
  });
  const header = ['MB', `RSS after ${settledAfter}`, 'RSS at the end', 'growth per 1,000', 'peak'];
  print(formatTable([header, ...rows]));
  const size = `${photoSize.width} × ${photoSize.height}, ${megabytes(photo.bytes)} MB`;
  print(
    `photo (${size}): ${photo.lines} lines, ${fixed(photo.seconds, 1)} s, peak RSS ${megabytes(photo.peakBytes)} MB`,
  );
}
