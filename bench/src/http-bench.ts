import type { BenchImage, Prediction } from './image-set.ts';
import { startImageServer } from './image-server.ts';
import { median } from './percentile.ts';
import { childrenOf, readCpuSeconds, watchMemory, type PeakMemory } from './proc-stat.ts';
import { startServiceStack, type ServiceStack, type StackOptions } from './service-stack.ts';
import { timeRun, type ReadImage, type TimedRun } from './timed-run.ts';
import { createWarmPool, readThroughPool } from './warm-pool.ts';

export interface HttpMeasurement {
  /** One request at a time, against the same images straight through an engine, in turns. */
  readonly overhead: Overhead;
  /** The same with the smallest image only, where the engine's own jitter is smallest. */
  readonly smallestOverhead: Overhead;
  /** Enough requests at the same time that no engine is ever idle. */
  readonly saturated: TimedRun;
  readonly saturatedCpuSeconds: CpuByRole;
  readonly memory: {
    readonly engines: PeakMemory;
    readonly worker: number;
    readonly api: number;
    readonly redis: number;
  };
}

export interface Overhead {
  readonly pairs: number;
  readonly httpP50Ms: number;
  readonly engineP50Ms: number;
  /** Median of the differences image by image. */
  readonly addedP50Ms: number;
  /**
   * CPU time per request, also what these processes do between requests. Unlike the times above it hardly depends on
   * what else runs on the machine.
   */
  readonly cpuMsPerRequest: Omit<CpuByRole, 'engines'>;
}

export interface CpuByRole {
  readonly api: number;
  readonly redis: number;
  readonly worker: number;
  readonly engines: number;
}

const smallestImagePairs = 60;
/** Requests at the same time, per engine process, at saturation. */
const requestsPerEngine = 2;

/** Reads all images through Redis, API and worker, started for it and stopped again. */
export async function measureHttp(images: readonly BenchImage[], options: StackOptions): Promise<HttpMeasurement> {
  const server = await startImageServer(images);
  const stack = await startServiceStack(options);
  const read = readThroughApi(stack.apiUrl, server.urlOf);
  try {
    const [first] = images;
    if (first === undefined) throw new Error('No images');
    const warmUp = Array.from({ length: options.processes * 2 }, () => first);
    failOnFailures(await timeRun(warmUp, warmUp.length, read));
    const overheads = await measureOverheads(images, options, { stack, read });
    return { ...overheads, ...(await measureSaturated(images, { stack, read, processes: options.processes })) };
  } finally {
    await stack.close();
    await server.close();
  }
}

/** Reads through `POST /analyze`, which downloads the image from where `urlOf` says. */
export function readThroughApi(apiUrl: string, urlOf: (image: BenchImage) => string): ReadImage {
  return async (image) => {
    const response = await fetch(`${apiUrl}/analyze`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image_url: urlOf(image) }),
    });
    const body = (await response.json()) as { data?: Prediction['lines']; code?: string };
    if (!response.ok || body.data === undefined) throw new Error(`${response.status} ${body.code ?? ''}`);
    return { file: image.file, lines: body.data };
  };
}

function failOnFailures({ failures: [failure] }: TimedRun): void {
  if (failure !== undefined) throw new Error(`${failure.file}: ${failure.reason}`);
}

async function measureOverheads(
  images: readonly BenchImage[],
  { model }: StackOptions,
  { stack, read: readHttp }: { readonly stack: ServiceStack; readonly read: ReadImage },
): Promise<Pick<HttpMeasurement, 'overhead' | 'smallestOverhead'>> {
  const pool = await createWarmPool({ model, processes: 1 }, images[0]);
  try {
    const readEngine = readThroughPool(pool);
    const smallest = images.reduce((a, b) => (b.bytes.length < a.bytes.length ? b : a));
    const repeated = Array.from({ length: smallestImagePairs }, () => smallest);
    return {
      overhead: await compareInTurns(images, { stack, readHttp, readEngine }),
      smallestOverhead: await compareInTurns(repeated, { stack, readHttp, readEngine }),
    };
  } finally {
    await pool.close();
  }
}

/** Each image both ways, one right after the other, and every second pair the other way round. */
async function compareInTurns(
  images: readonly BenchImage[],
  { stack, readHttp, readEngine }: { readonly stack: ServiceStack; readHttp: ReadImage; readEngine: ReadImage },
): Promise<Overhead> {
  const before = cpuByRole(stack.pids);
  const pairs: { http: number; engine: number }[] = [];
  for (const [i, image] of images.entries()) {
    if (i % 2 === 0) {
      const http = await timeOne(image, readHttp);
      pairs.push({ http, engine: await timeOne(image, readEngine) });
    } else {
      const engine = await timeOne(image, readEngine);
      pairs.push({ http: await timeOne(image, readHttp), engine });
    }
  }
  const after = cpuByRole(stack.pids);
  const perRequest = (role: keyof CpuByRole): number => ((after[role] - before[role]) * 1000) / pairs.length;
  return {
    pairs: pairs.length,
    httpP50Ms: median(pairs.map(({ http }) => http)),
    engineP50Ms: median(pairs.map(({ engine }) => engine)),
    addedP50Ms: median(pairs.map(({ http, engine }) => http - engine)),
    cpuMsPerRequest: { api: perRequest('api'), redis: perRequest('redis'), worker: perRequest('worker') },
  };
}

async function timeOne(image: BenchImage, read: ReadImage): Promise<number> {
  const from = performance.now();
  await read(image);
  return performance.now() - from;
}

async function measureSaturated(
  images: readonly BenchImage[],
  { stack, read, processes }: { readonly stack: ServiceStack; readonly read: ReadImage; readonly processes: number },
): Promise<Pick<HttpMeasurement, 'saturated' | 'saturatedCpuSeconds' | 'memory'>> {
  const { pids } = stack;
  const watches = {
    engines: watchMemory(() => childrenOf(pids.worker)),
    worker: watchMemory(() => [pids.worker]),
    api: watchMemory(() => [pids.api]),
    redis: watchMemory(() => [pids.redis]),
  };
  const before = cpuByRole(pids);
  const saturated = await timeRun(images, processes * requestsPerEngine, read);
  const after = cpuByRole(pids);
  return {
    saturated,
    saturatedCpuSeconds: {
      api: after.api - before.api,
      redis: after.redis - before.redis,
      worker: after.worker - before.worker,
      engines: after.engines - before.engines,
    },
    memory: {
      engines: watches.engines.stop(),
      worker: watches.worker.stop().sum,
      api: watches.api.stop().sum,
      redis: watches.redis.stop().sum,
    },
  };
}

/** The worker's children are its engines; those that were replaced meanwhile are in its count of ended children. */
function cpuByRole({ api, redis, worker }: ServiceStack['pids']): CpuByRole {
  const workerCpu = readCpuSeconds(worker);
  const engines = childrenOf(worker).reduce((sum, pid) => sum + readCpuSeconds(pid).own, workerCpu.endedChildren);
  return { api: readCpuSeconds(api).own, redis: readCpuSeconds(redis).own, worker: workerCpu.own, engines };
}
