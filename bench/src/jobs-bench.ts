import { parseArgs } from 'node:util';
import { absolutePath, UsageError, wholeNumber, type Surroundings } from './bench-surroundings.ts';
import { measureDisk, type DiskSpeed } from './disk-speed.ts';
import { percentile } from './percentile.ts';
import { watchMemory } from './proc-stat.ts';
import { startServiceStack } from './service-stack.ts';
import { fixed, formatTable, megabytes } from './table.ts';

export const jobsUsage = `Measures how fast POST /jobs takes jobs: starts redis-server and the API, with SQLite and without workers.

Usage: npm run bench -- jobs [options]

  --jobs N        jobs of the burst (default 10000)
  --batch N       images of a batch (default 1000)
  --clients N     callers that send single jobs at the same time (default 32)
  --singles N     single jobs of each measurement (default 1000)
  --folder DIR    where the database lies meanwhile (default: the system's folder for temporary files)
`;

interface JobsOptions {
  readonly jobs: number;
  readonly batch: number;
  readonly clients: number;
  readonly singles: number;
  readonly folder: string | undefined;
}

interface Measured {
  readonly jobsPerSecond: number;
  readonly latenciesMs: readonly number[];
}

export async function runJobsBench(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const options = parseJobsArguments(args, surroundings.cwd);
  const stack = await startServiceStack({ services: 'api', env: surroundings.env, folder: options.folder });
  try {
    const disk = await measureDisk(stack.dataDir);
    const { note } = surroundings;
    const post = createPoster(stack.apiUrl);
    note('warming up');
    await postSingles(post, { count: 300, clients: options.clients });
    const memory = watchMemory(() => [stack.pids.api]);
    note('an empty queue');
    const before = await postSingles(post, { count: options.singles, clients: 1 });
    const beforeCrowd = await postSingles(post, { count: options.singles * 3, clients: options.clients });
    note(`${options.jobs} jobs in batches`);
    const batches = await postBatches(post, options);
    note('a full queue');
    const after = await postSingles(post, { count: options.singles, clients: 1 });
    const afterCrowd = await postSingles(post, { count: options.singles * 3, clients: options.clients });
    const apiPeakBytes = memory.stop().sum;
    print({ options, disk, before, beforeCrowd, batches, after, afterCrowd, apiPeakBytes }, surroundings);
  } finally {
    await stack.close();
  }
}

type Post = (body: unknown) => Promise<void>;

/** Resolves when the job is accepted; anything but a 202 is a fault of the bench. */
function createPoster(apiUrl: string): Post {
  return async (body) => {
    const response = await fetch(`${apiUrl}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (response.status !== 202) throw new Error(`${response.status} ${text.slice(0, 300)}`);
  };
}

function image(index: number) {
  return { image_url: `https://images.example.com/cards/2026/11/card-${index}.jpg`, metadata: { order: index } };
}

async function postSingles(post: Post, { count, clients }: { count: number; clients: number }): Promise<Measured> {
  const bodies = Array.from({ length: count }, (_, index) => image(index));
  return measure(bodies, { clients, jobsEach: 1, post });
}

async function postBatches(post: Post, { jobs, batch }: JobsOptions): Promise<Measured> {
  const images = Array.from({ length: batch }, (_, index) => image(index));
  const bodies = Array.from({ length: Math.ceil(jobs / batch) }, () => ({ images }));
  return measure(bodies, { clients: 2, jobsEach: batch, post });
}

interface Load {
  readonly clients: number;
  readonly jobsEach: number;
  readonly post: Post;
}

async function measure(bodies: readonly unknown[], { clients, jobsEach, post }: Load): Promise<Measured> {
  const left = bodies.values();
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const client = async () => {
    // All clients take from the same bodies.
    for (const body of left) {
      const sentAt = performance.now();
      await post(body);
      latenciesMs.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - startedAt) / 1000;
  return { jobsPerSecond: (bodies.length * jobsEach) / seconds, latenciesMs };
}

interface JobsReport {
  readonly options: JobsOptions;
  readonly disk: DiskSpeed;
  readonly before: Measured;
  readonly beforeCrowd: Measured;
  readonly batches: Measured;
  readonly after: Measured;
  readonly afterCrowd: Measured;
  readonly apiPeakBytes: number;
}

function print(report: JobsReport, surroundings: Surroundings): void {
  const { options, disk, before, beforeCrowd, batches, after, afterCrowd, apiPeakBytes } = report;
  const row = (name: string, { jobsPerSecond, latenciesMs }: Measured) => [
    name,
    fixed(jobsPerSecond, 0),
    fixed(percentile(latenciesMs, 0.5), 1),
    fixed(percentile(latenciesMs, 0.95), 1),
  ];
  const ratio = (full: Measured, empty: Measured) =>
    fixed(percentile(full.latenciesMs, 0.95) / percentile(empty.latenciesMs, 0.95), 2);
  surroundings.print(
    formatTable([
      ['POST /jobs', 'jobs/s', 'p50 ms', 'p95 ms'],
      row(`empty queue, 1 caller`, before),
      row(`empty queue, ${options.clients} callers`, beforeCrowd),
      row(`batches of ${options.batch}, 2 callers`, batches),
      row(`${options.jobs} queued, 1 caller`, after),
      row(`${options.jobs} queued, ${options.clients} callers`, afterCrowd),
    ]),
  );
  surroundings.print(
    formatTable([
      ['beside it', ''],
      ['p95 with a full queue against an empty one, 1 caller', ratio(after, before)],
      [`p95 with a full queue against an empty one, ${options.clients} callers`, ratio(afterCrowd, beforeCrowd)],
      ['peak RSS of the API', `${megabytes(apiPeakBytes)} MB`],
      ['fsyncs/s of the disk, 4 KiB each, one after the other', fixed(disk.fsyncsPerSecond, 0)],
    ]),
  );
}

function parseJobsArguments(args: readonly string[], cwd: string): JobsOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      jobs: { type: 'string' },
      batch: { type: 'string' },
      clients: { type: 'string' },
      singles: { type: 'string' },
      folder: { type: 'string' },
    },
  });
  if (positionals.length > 0) throw new UsageError('This takes no folder of images');
  const batch = wholeNumber('--batch', values.batch, 1) ?? 1000;
  if (batch > 1000) throw new UsageError('--batch is at most 1000');
  return {
    jobs: wholeNumber('--jobs', values.jobs, 1) ?? 10_000,
    batch,
    clients: wholeNumber('--clients', values.clients, 1) ?? 32,
    singles: wholeNumber('--singles', values.singles, 1) ?? 1000,
    folder: absolutePath(values.folder, cwd),
  };
}
