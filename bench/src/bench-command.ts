import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { fitEngines, modelNames, precisions } from '@glyphmill/ocr/pool';
import { absolutePath, oneFolder, oneOf, wholeNumber, type Surroundings } from './bench-surroundings.ts';
import { measureHttp, type HttpMeasurement } from './http-bench.ts';
import { formatPredictions, loadImages, scorePredictions, type BenchImage } from './image-set.ts';
import { percentile } from './percentile.ts';
import { measurePool, type PoolMeasurement } from './pool-bench.ts';
import type { Scores } from './score.ts';
import { fixed, formatTable, megabytes } from './table.ts';
import type { TimedRun } from './timed-run.ts';

export const benchUsage = `Measures speed, accuracy and memory on a folder of images.

Usage: npm run bench -- DIR [options]

  --model small|tiny     default small
  --precision auto|int8|fp32
                         of the recognizer, as MODEL_PRECISION (default auto)
  --processes N          engine processes (default: one per usable core)
  --truth DIR            truth files (NAME.csv: x1,y1,…,x4,y4,TEXT per line); by default beside the images
                         or in DIR/../truth; without truth only speed is measured
  --http                 also through HTTP and queue: starts redis-server, API and worker
  --limit N              only the first N images
  --json FILE            all numbers as JSON
  --predictions FILE     what was read, one JSON object per image: {file, lines: [{text, confidence, box}]}
`;

export async function runBench(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const options = parseBenchArguments(args, surroundings.cwd);
  const { model, precision, processes } = options;
  const images = await loadImages(options.dir, options.truth, options.limit);
  surroundings.note(`${images.length} images, model ${model}, ${processes} engine processes`);
  const pool = await measurePool(images, { model, precision, processes });
  const poolScores = scorePredictions(images, pool.run.predictions);
  printPool(pool, poolScores, surroundings);
  let http: HttpMeasurement | undefined;
  if (options.http) {
    surroundings.note('through HTTP and queue');
    http = await measureHttp(images, { model, processes, env: { ...surroundings.env, MODEL_PRECISION: precision } });
    printHttp(http, { images, pool, print: surroundings.print });
  }
  if (options.predictions !== undefined) await writeFile(options.predictions, formatPredictions(pool.run.predictions));
  if (options.json !== undefined) {
    const report = { model, precision, processes, pool: { ...pool, scores: poolScores }, http };
    await writeFile(options.json, `${JSON.stringify(report, withoutPredictions, 2)}\n`);
  }
}

function withoutPredictions(key: string, value: unknown): unknown {
  return key === 'predictions' ? undefined : value;
}

function parseBenchArguments(args: readonly string[], cwd: string) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      model: { type: 'string', default: 'small' },
      precision: { type: 'string', default: 'auto' },
      processes: { type: 'string' },
      truth: { type: 'string' },
      http: { type: 'boolean', default: false },
      limit: { type: 'string' },
      json: { type: 'string' },
      predictions: { type: 'string' },
    },
  });
  const model = oneOf('--model', values.model, modelNames);
  return {
    dir: oneFolder(positionals, cwd),
    model,
    precision: oneOf('--precision', values.precision, precisions),
    processes: wholeNumber('--processes', values.processes, 1) ?? fitEngines(model).processes,
    truth: absolutePath(values.truth, cwd),
    http: values.http,
    limit: wholeNumber('--limit', values.limit, 1),
    json: absolutePath(values.json, cwd),
    predictions: absolutePath(values.predictions, cwd),
  };
}

function speedRows(run: TimedRun): [string, string][] {
  return [
    ['images/s', fixed(run.imagesPerSecond, 3)],
    ['latency p50', `${fixed(percentile(run.latenciesMs, 0.5), 0)} ms`],
    ['latency p95', `${fixed(percentile(run.latenciesMs, 0.95), 0)} ms`],
    ['failed', String(run.failures.length)],
  ];
}

function accuracyRows(scores: Scores | undefined): [string, string][] {
  return [
    ['word F1', fixed(scores?.wordF1, 4)],
    ['line F1', fixed(scores?.lineF1, 4)],
    ['character F1', fixed(scores?.charF1, 4)],
  ];
}

function printPool(measured: PoolMeasurement, scores: Scores | undefined, { print }: Surroundings): void {
  const { run, engineMemory, parentPeakBytes, engineCpuSeconds, parentCpuSeconds } = measured;
  print(
    formatTable([
      ['engine pool alone', ''],
      ...accuracyRows(scores),
      ...speedRows(run),
      ['peak RSS per engine', `${engineMemory.each.map(megabytes).join(' + ')} MB`],
      ['peak RSS of engines together', `${megabytes(engineMemory.sum)} MB`],
      ['peak RSS of the parent (holds all images)', `${megabytes(parentPeakBytes)} MB`],
      ['CPU of engines', `${fixed(engineCpuSeconds, 1)} s`],
      ['CPU of the parent', `${fixed(parentCpuSeconds, 1)} s`],
    ]),
  );
  for (const { file, reason } of run.failures) print(`failed: ${file}: ${reason}\n`);
}

function cpuPerRequest({ cpuMsPerRequest: { api, redis, worker } }: HttpMeasurement['overhead']): string {
  return `${[api, redis, worker].map((ms) => fixed(ms, 1)).join(' + ')} ms`;
}

function printHttp(
  http: HttpMeasurement,
  { images, pool, print }: { images: readonly BenchImage[]; pool: PoolMeasurement; print: (text: string) => void },
): void {
  const { overhead, smallestOverhead, saturated, saturatedCpuSeconds: cpu, memory } = http;
  const besides = cpu.api + cpu.redis + cpu.worker;
  print(
    formatTable([
      ['through HTTP and queue', ''],
      ...accuracyRows(scorePredictions(images, saturated.predictions)),
      ...speedRows(saturated),
      ['images/s against the pool alone', fixed(saturated.imagesPerSecond / pool.run.imagesPerSecond, 3)],
      ['one at a time, p50 over HTTP', `${fixed(overhead.httpP50Ms, 1)} ms`],
      ['one at a time, p50 engine alone', `${fixed(overhead.engineP50Ms, 1)} ms`],
      [`added at p50 (${overhead.pairs} pairs)`, `${fixed(overhead.addedP50Ms, 1)} ms`],
      [`added at p50, smallest image (${smallestOverhead.pairs} pairs)`, `${fixed(smallestOverhead.addedP50Ms, 1)} ms`],
      ['  CPU per request of API + Redis + worker parent', cpuPerRequest(smallestOverhead)],
      ['CPU of engines', `${fixed(cpu.engines, 1)} s`],
      [
        'CPU of API + Redis + worker parent',
        `${[cpu.api, cpu.redis, cpu.worker].map((s) => fixed(s, 2)).join(' + ')} s`,
      ],
      ['  as a share of the engines', `${fixed((besides / cpu.engines) * 100, 1)} %`],
      ['peak RSS per engine', `${memory.engines.each.map(megabytes).join(' + ')} MB`],
      ['peak RSS of worker parent', `${megabytes(memory.worker)} MB`],
      ['peak RSS of API', `${megabytes(memory.api)} MB`],
      ['peak RSS of Redis', `${megabytes(memory.redis)} MB`],
    ]),
  );
  for (const { file, reason } of saturated.failures) print(`failed: ${file}: ${reason}\n`);
}
