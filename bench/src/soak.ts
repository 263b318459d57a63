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
import {
  createRandom,
  cropSmall,
  decodeSource,
  drawPhoto,
  drawScreenshot,
  photoSize,
  screenshotSize,
} from './soak-images.ts';
import { drawSoak, type Sample } from './soak-plot.ts';
import { fixed, formatTable, megabytes } from './table.ts';
import { createWarmPool, readInEachProcess } from './warm-pool.ts';

export const soakUsage = `Shows whether the memory of engine processes stays flat: each reads each image once, then they read many small pieces
of ever new shapes with whole ones among them, and large ones in the end: a photo of ${photoSize.width} × ${photoSize.height} pixels and a screenshot of ${screenshotSize.width} × ${screenshotSize.height}.

Usage: npm run e2e:soak -- [DIR] [options]

  DIR                    images to cut pieces from, and to read whole (default: the engine's samples)
  --images N             how many are read (default 10000)
  --model small|tiny     default small
  --processes N          default 2
  --whole-every N        one in N images is a whole one (default 100)
  --seed N               of the pieces (default 1)
  --json FILE            all samples as JSON
  --plot FILE            the samples as an SVG
`;

const samplesDir = fileURLToPath(new URL('../../packages/ocr/samples', import.meta.url));
const sampleEvery = 50;

type SoakOptions = ReturnType<typeof parseSoakArguments>;

export async function runSoak(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const options = parseSoakArguments(args, surroundings.cwd);
  const sources = await loadImages(options.dir, undefined);
  const { model, processes } = options;
  surroundings.note(`${options.images} images from ${sources.length}, model ${model}, ${processes} engine processes`);
  const pool = await createWarmPool({ model, processes, maxImageBytes: 64e6 }, undefined);
  try {
    // What whole images take the engines keep; growth is what comes on top of it.
    for (const source of sources) await readInEachProcess(pool, source);
    const samples = await soak(pool, sources, { ...options, note: surroundings.note });
    if (options.plot !== undefined) await writeFile(options.plot, drawSoak(model, samples));
    const beforeLarge = pool.stats().pids.map((pid) => readMemory(pid).peak);
    const large = await readLarge(pool, sources);
    printSoak({ samples, beforeLarge, large }, surroundings);
    if (options.json !== undefined) {
      await writeFile(options.json, `${JSON.stringify({ model, samples, beforeLarge, large }, null, 2)}\n`);
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
      plot: { type: 'string' },
    },
  });
  if (positionals.length > 1) throw new UsageError('Name at most one folder of images');
  return {
    dir: positionals[0] === undefined ? samplesDir : path.resolve(cwd, positionals[0]),
    images: wholeNumber('--images', values.images, 1) ?? 10_000,
    model: oneOf('--model', values.model, modelNames),
    processes: wholeNumber('--processes', values.processes, 1) ?? 2,
    wholeEvery: wholeNumber('--whole-every', values['whole-every'], 1) ?? 100,
    seed: wholeNumber('--seed', values.seed, 0) ?? 1,
    json: absolutePath(values.json, cwd),
    plot: absolutePath(values.plot, cwd),
  };
}

async function soak(
  pool: EnginePool,
  sources: readonly BenchImage[],
  { images, model, wholeEvery, seed, json, note }: SoakOptions & Pick<Surroundings, 'note'>,
): Promise<Sample[]> {
  const decoded = await Promise.all(sources.map(decodeSource));
  const samples: Sample[] = [];
  let [started, done] = [0, 0];
  const readUntilDone = async (): Promise<void> => {
    while (started < images) {
      const number = started++;
      // Of its own, so that it does not matter which image is finished first.
      const random = createRandom(seed + number);
      // Whole ones come in turn; pieces are cut from any.
      const whole = number % wholeEvery === 0 ? sources[(number / wholeEvery) % sources.length] : undefined;
      const source = decoded[Math.floor(random() * decoded.length)];
      if (source === undefined) return;
      await pool.recognize(whole?.bytes ?? (await cropSmall(source, random)));
      done++;
      if (done % sampleEvery === 0) samples.push({ images: done, rss: residentBytes(pool) });
      if (done % 500 === 0) {
        note(`${done} images, ${Object.values(residentBytes(pool)).map(megabytes).join(' + ')} MB`);
        // A run takes long: one that is cut short leaves what it has seen.
        if (json !== undefined) await writeFile(json, `${JSON.stringify({ model, samples }, null, 2)}\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: pool.size }, readUntilDone));
  return samples;
}

function residentBytes(pool: EnginePool): Record<number, number> {
  return Object.fromEntries(pool.stats().pids.map((pid) => [pid, readMemory(pid).rss]));
}

interface LargeReading {
  readonly name: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly lines: number;
  /** Highest resident memory of any engine process since its start. */
  readonly peakBytes: number;
}

/** In the order of what they take. */
async function readLarge(pool: EnginePool, sources: readonly BenchImage[]): Promise<LargeReading[]> {
  const decoded = await Promise.all(sources.slice(0, 10).map(decodeSource));
  const screenshot = await drawScreenshot(decoded, createRandom(1));
  return [
    await readOne(pool, `screenshot of ${screenshotSize.width} × ${screenshotSize.height}`, screenshot),
    await readOne(pool, `photo of ${photoSize.width} × ${photoSize.height}`, await drawPhoto(sources)),
  ];
}

async function readOne(pool: EnginePool, name: string, image: Uint8Array): Promise<LargeReading> {
  const memory = watchMemory(() => pool.stats().pids);
  const from = performance.now();
  const { lines } = await pool.recognize(image);
  const seconds = (performance.now() - from) / 1000;
  return { name, bytes: image.length, seconds, lines: lines.length, peakBytes: Math.max(...memory.stop().each) };
}

interface SoakFindings {
  readonly samples: readonly Sample[];
  readonly beforeLarge: readonly number[];
  readonly large: readonly LargeReading[];
}

function printSoak({ samples, beforeLarge, large }: SoakFindings, { print }: Surroundings): void {
  const pids = Object.keys(samples.at(-1)?.rss ?? {}).map(Number);
  const rows = pids.map((pid, i) => {
    const points = samples.flatMap(({ images, rss }) => {
      const bytes = rss[pid];
      return bytes === undefined ? [] : [[images / 1000, bytes / 1e6] as const];
    });
    const seen = samples.filter(({ rss }) => pid in rss).length;
    return [
      `engine ${i + 1}${seen < samples.length ? ' (replaced meanwhile)' : ''}`,
      fixed(points[0]?.[1], 0),
      fixed(points.at(-1)?.[1], 0),
      fixed(slope(points), 1),
      megabytes(beforeLarge[i] ?? Number.NaN),
    ];
  });
  const header = ['MB', `RSS after ${sampleEvery}`, 'RSS at the end', 'growth per 1,000', 'peak'];
  print(formatTable([header, ...rows]));
  for (const { name, bytes, lines, seconds, peakBytes } of large) {
    print(
      `${name} (${megabytes(bytes)} MB): ${lines} lines, ${fixed(seconds, 1)} s, peak RSS ${megabytes(peakBytes)} MB`,
    );
  }
}
