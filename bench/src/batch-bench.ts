import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type BatchReport, type ModelName, modelNames, type Provider, providers } from '@glyphmill/ocr/pool';
import { absolutePath, oneFolder, oneOf, type Surroundings, UsageError, wholeNumber } from './bench-surroundings.ts';
import { type BenchImage, loadImages, type Prediction, scorePredictions } from './image-set.ts';
import { percentile } from './percentile.ts';
import { countSameLines, type SameLines } from './same-lines.ts';
import type { Scores } from './score.ts';
import { fixed, formatTable, megabytes } from './table.ts';
import { timeRun } from './timed-run.ts';
import { createWarmPool, readThroughPool } from './warm-pool.ts';

export const batchUsage = `Measures pages/s against the size of batches, and whether batches change what is read.

Usage: npm run bench -- batch DIR [options]

  --provider cpu|cuda    default cpu, where batches gain nothing: they are for GPUs
  --model small|tiny     default small
  --sizes LIST           sizes of batches (default 1,2,4,8,16,32); the first row is without any
  --delay MS             how long a call waits for others at most (default 10)
  --width-step N         columns that widths of lines are rounded up to (default: what the provider uses)
  --passes N             how often all images are read (default 1; more on a GPU, for it takes many pages at once)
  --limit N              only the first N images
  --truth DIR            truth files, as of npm run bench
  --json FILE            all numbers as JSON
`;

/** Tens of pages share one engine, which on a CPU makes each of them wait for all. */
const pageTimeoutMs = 3_600_000;

interface BatchBenchOptions {
  readonly dir: string;
  readonly provider: Provider;
  readonly model: ModelName;
  readonly sizes: readonly number[];
  readonly delayMs: number;
  readonly widthStep: number | undefined;
  readonly passes: number;
  readonly limit: number | undefined;
  readonly truth: string | undefined;
  readonly json: string | undefined;
}

/** One row: a size of batches, or no batches at all. */
interface BatchMeasurement {
  readonly maxBatchSize: number | undefined;
  readonly pagesPerSecond: number;
  /** Processor time of the engine; on a machine that does other things it says more than pages/s. */
  readonly cpuSecondsPerPage: number;
  readonly latencyP50Ms: number;
  readonly latencyP95Ms: number;
  /** Means over the recognizer's batches. */
  readonly recognizerSize: number;
  readonly recognizerFill: number;
  readonly detectorSize: number;
  readonly engineBytes: number;
  readonly scores: Scores | undefined;
  readonly sameAsWithout: SameLines;
  readonly failed: number;
}

export async function runBatchBench(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const options = parseBatchArguments(args, surroundings.cwd);
  const images = await loadImages(options.dir, options.truth, options.limit);
  const rows: BatchMeasurement[] = [];
  let without: readonly Prediction[] | undefined;
  for (const maxBatchSize of [undefined, ...options.sizes]) {
    surroundings.note(`${images.length} images, ${options.provider}, batches of ${maxBatchSize ?? 'none'}`);
    const { predictions, ...row } = await measureBatches(images, { ...options, maxBatchSize });
    without ??= predictions;
    rows.push({ ...row, sameAsWithout: countSameLines(without, predictions) });
    surroundings.print(formatRows(rows));
  }
  if (options.json !== undefined) {
    const { provider, model, delayMs, widthStep, passes } = options;
    const report = { provider, model, delayMs, widthStep, passes, images: images.length, rows };
    await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
}

function parseBatchArguments(args: readonly string[], cwd: string): BatchBenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      provider: { type: 'string', default: 'cpu' },
      model: { type: 'string', default: 'small' },
      sizes: { type: 'string', default: '1,2,4,8,16,32' },
      delay: { type: 'string' },
      'width-step': { type: 'string' },
      passes: { type: 'string' },
      limit: { type: 'string' },
      truth: { type: 'string' },
      json: { type: 'string' },
    },
  });
  return {
    dir: oneFolder(positionals, cwd),
    provider: oneOf('--provider', values.provider, providers),
    model: oneOf('--model', values.model, modelNames),
    sizes: values.sizes.split(',').map((size) => {
      const number = wholeNumber('--sizes', size, 1);
      if (number === undefined) throw new UsageError('--sizes is a list of whole numbers');
      return number;
    }),
    delayMs: wholeNumber('--delay', values.delay, 0) ?? 10,
    widthStep: wholeNumber('--width-step', values['width-step'], 1),
    passes: wholeNumber('--passes', values.passes, 1) ?? 1,
    limit: wholeNumber('--limit', values.limit, 1),
    truth: absolutePath(values.truth, cwd),
    json: absolutePath(values.json, cwd),
  };
}

/** Reads all images in one engine process, with as many in hand as it takes. */
async function measureBatches(
  images: readonly BenchImage[],
  options: BatchBenchOptions & { readonly maxBatchSize: number | undefined },
): Promise<Omit<BatchMeasurement, 'sameAsWithout'> & { readonly predictions: readonly Prediction[] }> {
  const { model, provider, widthStep, maxBatchSize, delayMs } = options;
  const batching = maxBatchSize === undefined ? undefined : { maxBatchSize, maxQueueDelayMs: delayMs };
  let batches: BatchReport[] = [];
  const onBatch = (batch: BatchReport): void => void batches.push(batch);
  const pool = await createWarmPool(
    { model, processes: 1, provider, batching, widthStep, onBatch, pageTimeoutMs },
    images[0],
  );
  try {
    batches = [];
    const pages = Array.from({ length: options.passes }, () => images).flat();
    const cpuBefore = pool.stats().cpuSeconds;
    const run = await timeRun(pages, pool.capacity, readThroughPool(pool));
    const ofModel = (role: BatchReport['model']) => batches.filter((batch) => batch.model === role);
    return {
      maxBatchSize,
      pagesPerSecond: run.imagesPerSecond,
      cpuSecondsPerPage: (pool.stats().cpuSeconds - cpuBefore) / run.images,
      latencyP50Ms: percentile(run.latenciesMs, 0.5),
      latencyP95Ms: percentile(run.latenciesMs, 0.95),
      recognizerSize: mean(ofModel('recognizer').map(({ size }) => size)),
      recognizerFill: mean(ofModel('recognizer').map(({ fill }) => fill)),
      detectorSize: mean(ofModel('detector').map(({ size }) => size)),
      engineBytes: pool.stats().rssBytes[0] ?? Number.NaN,
      scores: scorePredictions(images, run.predictions),
      failed: run.failures.length,
      predictions: [...new Map(run.predictions.map((prediction) => [prediction.file, prediction])).values()],
    };
  } finally {
    await pool.close();
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function formatRows(rows: readonly BatchMeasurement[]): string {
  const without = rows[0]?.pagesPerSecond ?? Number.NaN;
  const header =
    'batch size|pages/s|ratio|CPU s a page|p50 ms|p95 ms|lines a batch|fill|pages a batch|engine MB|word F1|line F1|same lines|failed';
  return formatTable([
    header.split('|'),
    ...rows.map((row) => [
      String(row.maxBatchSize ?? 'none'),
      fixed(row.pagesPerSecond, 3),
      fixed(row.pagesPerSecond / without, 2),
      fixed(row.cpuSecondsPerPage, 2),
      fixed(row.latencyP50Ms, 0),
      fixed(row.latencyP95Ms, 0),
      fixed(row.recognizerSize, 2),
      fixed(row.recognizerFill, 3),
      fixed(row.detectorSize, 2),
      megabytes(row.engineBytes),
      fixed(row.scores?.wordF1, 4),
      fixed(row.scores?.lineF1, 4),
      `${row.sameAsWithout.same}/${row.sameAsWithout.lines}`,
      String(row.failed),
    ]),
  ]);
}
