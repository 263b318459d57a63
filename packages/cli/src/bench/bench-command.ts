import { fileURLToPath } from 'node:url';
import { createEnginePool, type EnginePool, fitEngines, readMachine, usablePrecision } from '@glyphmill/ocr/pool';
import { findImageFiles, readImageFile } from '../image-files.ts';
import { toFailure } from '../input-error.ts';
import { formatFailure } from '../print-page.ts';
import { type BenchOptions } from './bench-options.ts';
import { type BenchReport, formatBenchJson, formatBenchText } from './bench-report.ts';
import { readAtOnce, readOneByOne, warmUp } from './measure.ts';

const samples = fileURLToPath(new URL('../../../ocr/samples/', import.meta.url));
/** A receipt, a photographed page, a screenshot and a card: a few to many lines each. */
const sampleNames = ['tilted-receipt.jpg', 'exif-1.jpg', 'two-columns.png', 'gift-card.png'];

const maxImageBytes = 20_000_000;
const pageTimeoutMs = 60_000;
const memoryLimitBytes = 1_000_000_000;

export interface BenchSurroundings {
  /** Relative names are meant from here. */
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Stops everything. */
  readonly signal: AbortSignal;
}

/** Measures the engines that fit this machine, and prints the choice and the figures. Returns the exit code. */
export async function runBench(options: BenchOptions, surroundings: BenchSurroundings): Promise<number> {
  const { stdout, stderr, signal } = surroundings;
  let pool: EnginePool | undefined;
  const close = (): void => void pool?.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    const images = await readImages(options, surroundings);
    const machine = readMachine();
    const engines = fitEngines(options.model, machine);
    const { processes, threads } = engines;
    const { model } = options;
    const chosen = usablePrecision(options.precision);
    const { precision } = chosen;
    const begun = performance.now();
    pool = await createEnginePool({ processes, threads, model, precision, pageTimeoutMs, memoryLimitBytes });
    if (signal.aborted) return 1;
    const startMs = performance.now() - begun;
    const report = { machine, model, precision: chosen, engines, images: images.length, startMs };
    const figures = await measure(pool, images, options.seconds);
    stdout.write(
      options.json ? formatBenchJson({ ...report, ...figures }) : formatBenchText({ ...report, ...figures }),
    );
    return 0;
  } catch (error) {
    if (!signal.aborted) stderr.write(formatFailure('bench', toFailure(error)));
    return 1;
  } finally {
    await pool?.close();
  }
}

async function measure(
  pool: EnginePool,
  images: readonly Uint8Array[],
  seconds: number,
): Promise<Pick<BenchReport, 'lone' | 'busy' | 'engineRssBytes'>> {
  await warmUp(pool, images);
  const half = (1000 * seconds) / 2;
  const lone = await readOneByOne(pool, images, half);
  const busy = await readAtOnce(pool, images, half);
  return { lone, busy, engineRssBytes: pool.stats().rssBytes };
}

/** Throws `InputError` and `EngineError` image_too_large. */
async function readImages({ folder }: BenchOptions, { cwd, stdin }: BenchSurroundings): Promise<Uint8Array[]> {
  const inputs = folder === undefined ? sampleNames.map((name) => samples + name) : [folder];
  const files = await findImageFiles(inputs, cwd);
  return Promise.all(
    files.map((file) => {
      if ('error' in file) throw file.error;
      return readImageFile(file.path, { maxBytes: maxImageBytes, stdin });
    }),
  );
}
