import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fitEngines, modelNames } from '@glyphmill/ocr/pool';
import { absolutePath, oneFolder, oneOf, UsageError, wholeNumber, type Surroundings } from '../bench-surroundings.ts';
import { drawReceipts, drawnReceiptsFolder } from '../drawn-receipts.ts';
import { formatPredictions, loadImages } from '../image-set.ts';
import { fixed, formatTable, megabytes } from '../table.ts';
import { describeMachine, othersShare, takeTimeSnapshot } from './machine.ts';
import { preparePeerPython } from './peer-environment.ts';
import { raceModel, type ModelOutcome } from './race-model.ts';
import type { ModelReport, PeersReport } from './race-report.ts';
import { checkReportFile, writeReport } from './report-file.ts';
import { readVersions } from './versions.ts';

export const peersUsage = `Races faster-paddle and RapidOCR against our engines on the same images, in turns: images/s, accuracy, latency, processor
time and memory; then latency against load through POST /analyze.

Usage: npm run bench:peers -- [DIR] [options]

  DIR                       a folder of images; receipts that are drawn for it if not said
  --model small|tiny|both   default both
  --no-rapidocr             without RapidOCR, which runs beside small and takes a third of the race
  --no-api                  without POST /analyze and its loads (and without redis-server)
  --threads N               threads of a peer, and engine processes of ours (default: one per usable core)
  --chunk N                 images in a round (default 20)
  --passes N                how often the set is read (default 2)
  --load-requests N         requests under each load (default 30)
  --truth DIR, --limit N    as in npm run bench
  --python PATH             a Python that has the peers; by default one is set up in bench/.venv
  --report FILE.md          a report with tables and plots, between its marks where the file has some
  --json FILE               all numbers as JSON
  --predictions DIR         what each has read, one file each
`;

/** From quiet to more than can be read, as shares of saturation. */
const loadShares = [0.2, 0.4, 0.6, 0.8, 1, 1.2];

export async function runPeers(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const options = parsePeersArguments(args, surroundings.cwd);
  const { note, print } = surroundings;
  if (options.report !== undefined) await checkReportFile(options.report);
  const python = options.python ?? (await preparePeerPython({ note }));
  const dir = options.dir ?? (await drawReceipts(drawnReceiptsFolder));
  const images = await loadImages(dir, options.truth, options.limit);
  const before = await takeTimeSnapshot();
  const models: ModelReport[] = [];
  for (const model of options.models) {
    const peers =
      options.rapidocr && model === 'small' ? (['faster-paddle', 'RapidOCR'] as const) : (['faster-paddle'] as const);
    const outcome = await raceModel(model, images, { ...options, peers, python }, surroundings);
    models.push(outcome.report);
    print(`\n${formatModel(outcome.report)}`);
    if (options.predictions !== undefined) await writePredictions(options.predictions, outcome);
  }
  const report: PeersReport = {
    date: new Date().toISOString().slice(0, 10),
    command: options.command,
    machine: await describeMachine(),
    versions: await readVersions(python),
    othersShare: othersShare(before, await takeTimeSnapshot()),
    images: {
      folder: nameOf(dir),
      count: images.length,
      withTruth: images.filter(({ truth }) => truth !== undefined).length,
    },
    threads: options.threads,
    models,
  };
  if (report.othersShare !== undefined) {
    print(`Others took ${fixed(report.othersShare * 100, 0)} % of all processor time meanwhile.\n`);
  }
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.report !== undefined) await writeReport(options.report, report);
}

/** Throws `UsageError`, and `TypeError` for options that there are not. */
export function parsePeersArguments(args: readonly string[], cwd: string) {
  const { values, positionals, tokens } = parseArgs({
    args: [...args],
    allowPositionals: true,
    allowNegative: true,
    tokens: true,
    options: {
      model: { type: 'string', default: 'both' },
      rapidocr: { type: 'boolean', default: true },
      api: { type: 'boolean', default: true },
      threads: { type: 'string' },
      chunk: { type: 'string' },
      passes: { type: 'string' },
      'load-requests': { type: 'string' },
      truth: { type: 'string' },
      limit: { type: 'string' },
      python: { type: 'string' },
      report: { type: 'string' },
      json: { type: 'string' },
      predictions: { type: 'string' },
    },
  });
  const model = oneOf('--model', values.model, [...modelNames, 'both']);
  if (values.report !== undefined && !values.report.endsWith('.md')) throw new UsageError('--report is a file FILE.md');
  const requestsPerLoad = wholeNumber('--load-requests', values['load-requests'], 1) ?? 30;
  return {
    command: commandOf(tokens),
    dir: positionals.length === 0 ? undefined : oneFolder(positionals, cwd),
    models: model === 'both' ? modelNames : [model],
    rapidocr: values.rapidocr,
    api: values.api ? { requestsPerLoad, loadShares } : undefined,
    threads: wholeNumber('--threads', values.threads, 1) ?? fitEngines('small').processes,
    chunk: wholeNumber('--chunk', values.chunk, 1) ?? 20,
    passes: wholeNumber('--passes', values.passes, 1) ?? 2,
    truth: absolutePath(values.truth, cwd),
    limit: wholeNumber('--limit', values.limit, 1),
    python: absolutePath(values.python, cwd),
    report: absolutePath(values.report, cwd),
    json: absolutePath(values.json, cwd),
    predictions: absolutePath(values.predictions, cwd),
  };
}

/** The command as somebody else would type it: without the folders of this machine. */
function commandOf(tokens: NonNullable<ReturnType<typeof parseArgs>['tokens']>): string {
  const words = tokens.flatMap((token) => {
    if (token.kind === 'positional') return 'DIR';
    if (token.kind === 'option-terminator') return [];
    const { rawName, value } = token;
    if (value === undefined) return rawName;
    return [rawName, path.isAbsolute(value) ? path.basename(value) : value];
  });
  return ['npm run bench:peers', ...(words.length === 0 ? [] : ['--', ...words])].join(' ');
}

/** `img` or `images` say little; the folder that holds them says more. */
export function nameOf(dir: string): string {
  const { base, dir: parent } = path.parse(dir);
  return /^(img|imgs|images?)$/i.test(base) ? path.basename(parent) : base;
}

function formatModel({ contenders }: ModelReport): string {
  const rows = contenders.map(({ name, imagesPerSecond, ratio, scores, latency, cpuSecondsPerImage, peakBytes }) => [
    name,
    fixed(imagesPerSecond?.median, 3),
    ratio === undefined ? '' : fixed(ratio.median, 3),
    fixed(scores?.wordF1, 4),
    fixed(scores?.lineF1, 4),
    fixed(scores?.charF1, 4),
    fixed(latency?.p50Ms, 0),
    fixed(latency?.p95Ms, 0),
    fixed(cpuSecondsPerImage, 2),
    megabytes(peakBytes),
  ]);
  const scores = ['word F1', 'line F1', 'char F1'];
  return formatTable([
    ['medians', 'images/s', 'ours / theirs', ...scores, 'p50 ms', 'p95 ms', 'CPU s', 'peak MB'],
    ...rows,
  ]);
}

async function writePredictions(dir: string, { contenders, result }: ModelOutcome): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [i, { name, role }] of contenders.entries()) {
    const who = `${name}${role === 'latency' ? ' one by one' : ''}`.toLowerCase().replaceAll(/[ /]+/g, '-');
    await writeFile(path.join(dir, `${who}.jsonl`), formatPredictions(result.showings[i]?.predictions ?? []));
  }
}
