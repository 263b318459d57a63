import os from 'node:os';
import { parseArgs } from 'node:util';
import { type ModelName, modelNames } from '@glyphmill/ocr/pool';
import { oneFolder, oneOf, UsageError, wholeNumber, type Surroundings } from '../bench-surroundings.ts';
import { type ClusterStack, startClusterStack } from '../cluster-stack.ts';
import { loadDrawnPages } from '../drawn-pages.ts';
import { type ImageServer, startImageServer } from '../image-server.ts';
import { type BenchImage, loadImages } from '../image-set.ts';
import { median } from '../percentile.ts';
import { type Service, stop } from '../service-process.ts';
import { fixed, formatTable } from '../table.ts';
import { type BacklogJob, booksAreWrong, paceOf, submitBacklog, untilEnded } from './backlog.ts';

export const scaleUsage = `Measures how a backlog of durable jobs is shared by workers on one Redis and Postgres: one worker, one for each
core, and twice as many, each with one engine and pinned to a core, in turns; then kills half of them in the middle.

Usage: npm run bench -- scale [DIR] [options]

  DIR                  images (default: pages that were drawn for the tests)
  --model small|tiny   default small
  --cores N            default 2
  --pages N            jobs of each run, at most 1000 (default 80)
  --rounds N           runs of each number of workers (default 3)
`;

interface ScaleOptions {
  readonly images: readonly BenchImage[];
  readonly model: ModelName;
  readonly cores: number;
  readonly pages: number;
  readonly rounds: number;
}

interface Bench {
  readonly options: ScaleOptions;
  readonly stack: ClusterStack;
  readonly server: ImageServer;
}

/** Jobs that a worker holds. */
const heldByWorker = 2;

export async function runScale(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const options = await parseScaleArguments(args, surroundings.cwd);
  const { cores, rounds, model } = options;
  const counts = [1, cores, 2 * cores];
  const server = await startImageServer(options.images);
  const stack = await startClusterStack({ model, env: surroundings.env });
  const bench = { options, stack, server };
  try {
    const paces = new Map(counts.map((count) => [count, [] as number[]]));
    for (let round = 0; round < rounds; round += 1) {
      // Who begins changes, so that a minute that grows slower is nobody's advantage.
      for (const count of round % 2 === 0 ? counts : counts.toReversed()) {
        const pace = await measurePace(bench, count);
        surroundings.note(`round ${round + 1}: ${count} workers, ${fixed(pace, 3)} pages/s`);
        paces.get(count)?.push(pace);
      }
    }
    const killed = await killHalf(bench, 2 * cores);
    surroundings.print(describe(paces, { cores, killed }));
  } finally {
    await stack.close();
    await server.close();
  }
}

/** Pages a second of so many workers. Throws when the books are wrong. */
async function measurePace({ options, stack, server }: Bench, count: number): Promise<number> {
  const workers = await startWorkers({ options, stack, server }, count);
  const backlog = await submitBacklog(stack.apiUrl, urlsOf(options, server, options.pages));
  const jobs = await untilEnded(stack.apiUrl, backlog);
  await Promise.all(workers.map(({ child }) => stop(child)));
  failOnWrongBooks(booksAreWrong(backlog, jobs));
  return paceOf(timesOf(jobs), 2 * options.cores * heldByWorker);
}

/** Spread over the cores, and warm: first pages cost more. */
async function startWorkers({ options, stack, server }: Bench, count: number): Promise<Service[]> {
  const cores = Array.from({ length: count }, (_, index) => index % options.cores);
  const workers = await Promise.all(cores.map((core) => stack.startWorker(core)));
  const warmUp = await submitBacklog(stack.apiUrl, urlsOf(options, server, 4 * count));
  await untilEnded(stack.apiUrl, warmUp);
  return workers;
}

interface Killed {
  readonly accepted: number;
  readonly succeeded: number;
  readonly endedBefore: number;
  /** How many jobs were begun more than once. */
  readonly runAgain: number;
  readonly wrong: readonly string[];
}

/** `kill -9` of every other worker once a third of the backlog has been read. */
async function killHalf({ options, stack, server }: Bench, count: number): Promise<Killed> {
  const workers = await startWorkers({ options, stack, server }, count);
  const backlog = await submitBacklog(stack.apiUrl, urlsOf(options, server, options.pages));
  const before = await untilEnded(stack.apiUrl, backlog, { count: Math.floor(options.pages / 3) });
  for (const [index, { child }] of workers.entries()) if (index % 2 === 0) child.kill('SIGKILL');
  const jobs = await untilEnded(stack.apiUrl, backlog);
  return {
    accepted: backlog.ids.length,
    succeeded: jobs.filter(({ state }) => state === 'succeeded').length,
    endedBefore: timesOf(before).length,
    runAgain: jobs.filter(({ attempts }) => attempts > 1).length,
    wrong: booksAreWrong(backlog, jobs),
  };
}

function urlsOf({ images }: ScaleOptions, server: ImageServer, count: number): string[] {
  const urls = images.map((image) => server.urlOf(image));
  return Array.from({ length: count }, (_, index) => urls[index % urls.length] ?? '');
}

function timesOf(jobs: readonly BacklogJob[]): number[] {
  return jobs.flatMap(({ finished_at }) => finished_at?.getTime() ?? []);
}

function failOnWrongBooks(wrong: readonly string[]): void {
  if (wrong.length > 0) throw new Error(`The books are wrong: ${wrong.slice(0, 5).join(', ')}`);
}

function describe(
  paces: ReadonlyMap<number, readonly number[]>,
  { cores, killed }: { cores: number; killed: Killed },
): string {
  const medianOf = (count: number) => median(paces.get(count) ?? []);
  return [
    formatTable([
      ['workers', 'pages/s (median)', 'runs', 'against one', `against ${cores}`],
      ...[...paces].map(([count, runs]) => [
        String(count),
        fixed(median(runs), 3),
        runs.map((pace) => fixed(pace, 3)).join(' '),
        fixed(median(runs) / medianOf(1), 2),
        fixed(median(runs) / medianOf(cores), 2),
      ]),
    ]),
    formatTable([
      [`half of ${2 * cores} workers killed`, 'jobs'],
      ['accepted', String(killed.accepted)],
      ['ended before the kill', String(killed.endedBefore)],
      ['succeeded in the end', String(killed.succeeded)],
      ['counted as another attempt', String(killed.runAgain)],
      ['wrong in the books', killed.wrong.length === 0 ? 'nothing' : killed.wrong.join(', ')],
    ]),
  ].join('\n');
}

async function parseScaleArguments(args: readonly string[], cwd: string): Promise<ScaleOptions> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      model: { type: 'string', default: 'small' },
      cores: { type: 'string' },
      pages: { type: 'string' },
      rounds: { type: 'string' },
    },
  });
  const cores = wholeNumber('--cores', values.cores, 1) ?? 2;
  if (cores > os.availableParallelism()) throw new UsageError(`This machine has ${os.availableParallelism()} cores`);
  const pages = wholeNumber('--pages', values.pages, 1) ?? 80;
  if (pages > 1000) throw new UsageError('--pages is at most 1000');
  const images =
    positionals.length === 0 ? await loadDrawnPages() : await loadImages(oneFolder(positionals, cwd), undefined);
  return {
    images,
    model: oneOf('--model', values.model, modelNames),
    cores,
    pages,
    rounds: wholeNumber('--rounds', values.rounds, 1) ?? 3,
  };
}
