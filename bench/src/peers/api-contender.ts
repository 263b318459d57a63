import { readThroughApi } from '../http-bench.ts';
import type { BenchImage } from '../image-set.ts';
import { startImageServer } from '../image-server.ts';
import { childrenOf, sumCpuSeconds } from '../proc-stat.ts';
import { startServiceStack, type StackOptions } from '../service-stack.ts';
import { timeRun } from '../timed-run.ts';
import type { Contender, Turn } from './contender.ts';
import { createMeter } from './meter.ts';
import { offerLoad, type LoadResult } from './open-loop.ts';

/** Ours as callers know it: through HTTP, queue and download, each service a process of its own. */
export interface ApiContender extends Contender {
  /** Reads all images with more requests at the same time than engines, so that none is ever idle. */
  saturate(images: readonly BenchImage[]): Promise<Turn>;
  /** Latencies under loads that are so many times `saturation` (images/s), one after the other. */
  measureLoads(images: readonly BenchImage[], options: LoadOptions): Promise<readonly LoadResult[]>;
}

export interface LoadOptions {
  readonly saturation: number;
  readonly shares: readonly number[];
  /** Under each load. */
  readonly requests: number;
  readonly onLoad: (result: LoadResult) => void;
}

/** Requests at the same time, per engine process, at saturation. */
const requestsPerEngine = 2;
/** Any will do; it is told with the results by being here. */
const seed = 1;

/** Starts Redis, API and worker and warms them up on the first image. Downloads come from this process's memory. */
export async function createApiContender(images: readonly BenchImage[], options: StackOptions): Promise<ApiContender> {
  const { model, processes } = options;
  const server = await startImageServer(images);
  const stack = await startServiceStack(options).catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  const read = readThroughApi(stack.apiUrl, server.urlOf);
  const { redis, api, worker } = stack.pids;
  const pids = (): number[] => [redis, api, worker, ...childrenOf(worker)];
  const meter = createMeter({ pids, cpuSeconds: () => sumCpuSeconds(pids()) });
  const close = async (): Promise<void> => {
    await stack.close();
    await server.close();
  };
  const warmUp = images.slice(0, 1).flatMap((image) => Array.from({ length: processes * 2 }, () => image));
  await timeRun(warmUp, warmUp.length, read);
  return {
    name: `Glyphmill ${model} through POST /analyze`,
    role: 'latency',
    run: (part) => meter.measure(() => timeRun(part, 1, read)),
    saturate: (part) => timeRun(part, processes * requestsPerEngine, read),
    async measureLoads(part, { saturation, shares, requests, onLoad }) {
      const results: LoadResult[] = [];
      for (const share of shares) {
        const result = await offerLoad(part, { requestsPerSecond: share * saturation, requests, seed }, read);
        results.push(result);
        onLoad(result);
      }
      return results;
    },
    usage: meter.usage,
    close,
  };
}
