import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchImage } from '../image-set.ts';
import { createRandom } from '../simulation/random.ts';
import type { ReadImage } from '../timed-run.ts';

export interface OfferedLoad {
  readonly requestsPerSecond: number;
  readonly requests: number;
  /** The same seed sends requests at the same moments. */
  readonly seed: number;
}

export interface LoadResult extends Pick<OfferedLoad, 'requestsPerSecond' | 'requests'> {
  /** From the moment that a request was due to its answer, of those that were answered. */
  readonly latenciesMs: readonly number[];
  readonly failed: number;
}

/** Milliseconds from the start at which requests are due that come by chance (a Poisson process), in rising order. */
export function arrivalTimes({ requestsPerSecond, requests, seed }: OfferedLoad): number[] {
  const random = createRandom(seed);
  let at = 0;
  return Array.from({ length: requests }, () => (at += random.exponential(1000 / requestsPerSecond)));
}

/**
 * Sends requests at their moments, whether or not those before have been answered, as callers do who know nothing of
 * each other; resolves when all have ended. One after the other, the images come round as often as needed.
 */
export async function offerLoad(
  images: readonly BenchImage[],
  load: OfferedLoad,
  read: ReadImage,
): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  let failed = 0;
  const started = performance.now();
  const send = async (dueMs: number, image: BenchImage): Promise<void> => {
    await sleep(Math.max(0, dueMs - (performance.now() - started)));
    try {
      await read(image);
      latenciesMs.push(performance.now() - started - dueMs);
    } catch {
      failed++;
    }
  };
  const due = arrivalTimes(load).flatMap((dueMs, index) => {
    const image = images[index % images.length];
    return image === undefined ? [] : { dueMs, image };
  });
  await Promise.all(due.map(({ dueMs, image }) => send(dueMs, image)));
  const { requestsPerSecond, requests } = load;
  return { requestsPerSecond, requests, latenciesMs, failed };
}
