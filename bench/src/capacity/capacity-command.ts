import { parseArgs } from 'node:util';
import { positiveNumber, UsageError, type Surroundings } from '../bench-surroundings.ts';
import { pagesPerSecondOf, usualCluster } from '../simulation/scenario.ts';
import { readServiceTimes } from '../simulation/service-times.ts';
import { fixed, formatTable } from '../table.ts';
import { readFootprint } from './footprint.ts';
import { type CapacityPlan, type Demand, type Pace, planCapacity } from './plan.ts';

export const capacityUsage = `Reckons pods, Redis, Postgres and blobs from what was measured (bench/footprint.json).

Usage: npm run bench -- capacity [options]

  --images-per-day N    default: 10,000, 1,000,000 and 100,000,000
  --peak N              the busiest minutes' rate over the day's mean (default 3)
  --pages-per-second N  what one worker pod reads (default: two engines with the first page times of service-times.json)
  --peak-use N          share of the engines' time that may be used at the peak, 0..1 (default 0.75)
  --target-wait N       seconds that a job may wait (default 300)
  --lines N             of a page (default 20)
  --image-bytes N       of an upload (default 500000)
  --keep-days N         how long results are kept (default 30)
`;

export async function runCapacity(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const { sizes, pace, demand } = parseCapacityArguments(args);
  const footprint = readFootprint();
  const plans = sizes.map((imagesPerDay) => planCapacity({ ...demand, imagesPerDay }, pace, footprint));
  surroundings.print(describe(sizes, plans));
}

function describe(sizes: readonly number[], plans: readonly CapacityPlan[]): string {
  const row = (name: string, read: (plan: CapacityPlan) => string): string[] => [name, ...plans.map(read)];
  return formatTable([
    ['images a day', ...sizes.map(count)],
    row('images/s: mean', (plan) => fixed(plan.meanPerSecond, 2)),
    row('images/s: peak', (plan) => fixed(plan.peakPerSecond, 1)),
    row('worker pods at the peak', (plan) => count(plan.podsAtPeak)),
    row('worker pods on average', (plan) => count(plan.podsOnAverage)),
    row('API pods', (plan) => count(plan.apiPods)),
    row('jobs waiting at the peak', (plan) => count(plan.waitingAtPeak)),
    row('Redis: commands/s', (plan) => count(plan.redis.commandsPerSecond)),
    row('Redis: use of its thread', (plan) => percent(plan.redis.threadUse)),
    row('  of which heartbeats', (plan) => percent(plan.redis.heartbeatUse)),
    row('Redis: memory of the backlog', (plan) => bytes(plan.redis.backlogBytes)),
    row('Redis: connections', (plan) => count(plan.redis.connections)),
    row('Postgres: transactions/s', (plan) => count(plan.postgres.transactionsPerSecond)),
    row('Postgres: rows written/s', (plan) => count(plan.postgres.rowsWrittenPerSecond)),
    row('Postgres: cores busy', (plan) => fixed(plan.postgres.cores, 2)),
    row('Postgres: WAL', (plan) => `${bytes(plan.postgres.walBytesPerSecond)}/s`),
    row('Postgres: connections at most', (plan) => count(plan.postgres.mostConnections)),
    row('Postgres: grows by, a day', (plan) => bytes(plan.postgres.bytesPerDay)),
    row('Postgres: size', (plan) => bytes(plan.postgres.bytesKept)),
    row('blobs: requests/s', (plan) => fixed(plan.blobs.requestsPerSecond, 1)),
    row('blobs: size', (plan) => bytes(plan.blobs.bytesKept)),
  ]);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function percent(share: number): string {
  return `${fixed(share * 100, share < 0.1 ? 2 : 0)} %`;
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

function bytes(value: number): string {
  const power = Math.min(Math.max(Math.floor(Math.log10(Math.max(value, 1)) / 3), 0), units.length - 1);
  return `${Number((value / 1000 ** power).toPrecision(2))} ${units[power]}`;
}

function parseCapacityArguments(args: readonly string[]): {
  readonly sizes: readonly number[];
  readonly pace: Pace;
  readonly demand: Omit<Demand, 'imagesPerDay'>;
} {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'images-per-day': { type: 'string' },
      peak: { type: 'string' },
      'pages-per-second': { type: 'string' },
      'peak-use': { type: 'string' },
      'target-wait': { type: 'string' },
      lines: { type: 'string' },
      'image-bytes': { type: 'string' },
      'keep-days': { type: 'string' },
    },
  });
  if (positionals.length > 0) throw new UsageError('This takes no folder of images');
  const number = (name: keyof typeof values, usual: number): number =>
    positiveNumber(`--${name}`, values[name]) ?? usual;
  const peakUse = number('peak-use', 0.75);
  if (peakUse > 1) throw new UsageError('--peak-use is at most 1');
  return {
    sizes: values['images-per-day'] === undefined ? [1e4, 1e6, 1e8] : [number('images-per-day', 1)],
    pace: { pagesPerSecondOfPod: number('pages-per-second', measuredPace()), peakUse },
    demand: {
      peakFactor: number('peak', 3),
      linesPerPage: number('lines', 20),
      bytesPerImage: number('image-bytes', 500_000),
      keepDays: number('keep-days', 30),
      targetWaitSeconds: number('target-wait', 300),
    },
  };
}

function measuredPace(): number {
  const [measured] = readServiceTimes().values();
  if (measured === undefined) throw new UsageError('Say --pages-per-second: no page times were measured');
  return pagesPerSecondOf(usualCluster(measured), measured);
}
