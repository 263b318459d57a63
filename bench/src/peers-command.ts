import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { modelNames, type ModelName } from '@glyphmill/ocr/pool';
import { absolutePath, oneFolder, oneOf, wholeNumber, type Surroundings } from './bench-surroundings.ts';
import { createOwnContender, type Contender } from './contender.ts';
import { formatPredictions, loadImages, scorePredictions, type BenchImage } from './image-set.ts';
import { preparePeerPython } from './peer-environment.ts';
import { median } from './percentile.ts';
import { createPythonContender } from './python-contender.ts';
import { race, type RaceOptions, type RaceResult } from './race.ts';
import { fixed, formatTable, megabytes } from './table.ts';

export const peersUsage = `Races faster-paddle, and RapidOCR on request, against our engine pool on the same images, in turns.

Usage: npm run bench:peers -- DIR [options]

  --model small|tiny|both   default both
  --rapidocr                RapidOCR too (beside small)
  --threads N               threads of a peer, and engine processes of ours (default 2)
  --chunk N                 images in a round (default 20)
  --passes N                how often the set is read (default 2)
  --truth DIR, --limit N    as in npm run bench
  --python PATH             a Python that has the peers; by default one is set up in bench/.venv
  --json FILE               all numbers as JSON
  --predictions DIR         what each has read, one file each
`;

interface RaceReport {
  readonly model: ModelName;
  readonly contenders: readonly { readonly name: string; readonly peakBytes: number }[];
  readonly result: RaceResult;
}

export async function runPeers(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const options = parsePeersArguments(args, surroundings.cwd);
  const images = await loadImages(options.dir, options.truth, options.limit);
  const python = options.python ?? (await preparePeerPython(surroundings.note));
  const reports: RaceReport[] = [];
  for (const model of options.models) {
    const report = await raceModel(model, images, { ...options, python }, surroundings);
    reports.push(report);
    printReport(report, images, surroundings);
    if (options.predictions !== undefined) await writePredictions(options.predictions, report);
  }
  if (options.json !== undefined) {
    const content = reports.map(({ model, contenders, result }) => ({
      model,
      contenders: contenders.map((contender, i) => ({
        ...contender,
        scores: scorePredictions(images, result.predictions[i] ?? []),
        imagesPerSecond: result.rounds.map((round) => round.imagesPerSecond[i]),
      })),
    }));
    await writeFile(options.json, `${JSON.stringify(content, null, 2)}\n`);
  }
}

function parsePeersArguments(args: readonly string[], cwd: string) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      model: { type: 'string', default: 'both' },
      rapidocr: { type: 'boolean', default: false },
      threads: { type: 'string' },
      chunk: { type: 'string' },
      passes: { type: 'string' },
      truth: { type: 'string' },
      limit: { type: 'string' },
      python: { type: 'string' },
      json: { type: 'string' },
      predictions: { type: 'string' },
    },
  });
  const model = oneOf('--model', values.model, [...modelNames, 'both']);
  return {
    dir: oneFolder(positionals, cwd),
    models: model === 'both' ? modelNames : [model],
    rapidocr: values.rapidocr,
    threads: wholeNumber('--threads', values.threads, 1) ?? 2,
    chunk: wholeNumber('--chunk', values.chunk, 1) ?? 20,
    passes: wholeNumber('--passes', values.passes, 1) ?? 2,
    truth: absolutePath(values.truth, cwd),
    limit: wholeNumber('--limit', values.limit, 1),
    python: absolutePath(values.python, cwd),
    json: absolutePath(values.json, cwd),
    predictions: absolutePath(values.predictions, cwd),
  };
}

interface RaceModelOptions extends RaceOptions {
  readonly rapidocr: boolean;
  readonly threads: number;
  readonly python: string;
}

async function raceModel(
  model: ModelName,
  images: readonly BenchImage[],
  { rapidocr, threads, python, chunk, passes }: RaceModelOptions,
  { env, print, note }: Surroundings,
): Promise<RaceReport> {
  const warmUp = images[0];
  const contenders: Contender[] = [];
  try {
    note(`loading ${model}`);
    contenders.push(await createOwnContender(model, { threads, warmUp }));
    const peer = { python, model, threads, warmUp, env };
    contenders.push(await createPythonContender('faster-paddle', peer));
    if (rapidocr && model === 'small') contenders.push(await createPythonContender('RapidOCR', peer));
    let number = 0;
    const result = await race(contenders, images, {
      chunk,
      passes,
      onRound({ imagesPerSecond }) {
        number++;
        const speeds = contenders.map(({ name }, i) => `${name} ${fixed(imagesPerSecond[i], 3)}`);
        print(`round ${number}: ${speeds.join(', ')} images/s, ratio ${ratios(imagesPerSecond).join(', ')}`);
      },
    });
    return { model, contenders: contenders.map(({ name, peakBytes }) => ({ name, peakBytes: peakBytes() })), result };
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

/** Our speed over that of each peer. */
function ratios([own, ...peers]: readonly number[]): string[] {
  return peers.map((speed) => fixed((own ?? Number.NaN) / speed, 3));
}

function printReport({ contenders, result }: RaceReport, images: readonly BenchImage[], { print }: Surroundings): void {
  const { rounds, predictions } = result;
  const rows = contenders.map(({ name, peakBytes }, i) => {
    const scores = scorePredictions(images, predictions[i] ?? []);
    const speeds = rounds.map((round) => round.imagesPerSecond[i] ?? Number.NaN);
    const ratio = median(
      rounds.map((round) => (round.imagesPerSecond[0] ?? Number.NaN) / (round.imagesPerSecond[i] ?? 0)),
    );
    return [
      name,
      fixed(median(speeds), 3),
      i === 0 ? '' : fixed(ratio, 3),
      fixed(scores?.wordF1, 4),
      fixed(scores?.lineF1, 4),
      fixed(scores?.charF1, 4),
      megabytes(peakBytes),
    ];
  });
  const header = ['medians', 'images/s', 'ours / theirs', 'word F1', 'line F1', 'char F1', 'peak MB'];
  print(`\n${formatTable([header, ...rows])}`);
}

async function writePredictions(dir: string, { contenders, result }: RaceReport): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [i, { name }] of contenders.entries()) {
    const file = path.join(dir, `${name.toLowerCase().replaceAll(' ', '-')}.jsonl`);
    await writeFile(file, formatPredictions(result.predictions[i] ?? []));
  }
}
