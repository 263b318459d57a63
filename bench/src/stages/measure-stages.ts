import { readdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createEngine } from '@glyphmill/ocr';
import type { ModelName } from '@glyphmill/ocr/pool';
import type { BenchImage } from '../image-set.ts';
import { sharesOfStages, type Stage } from './stage-of-sample.ts';

/** Of the profiler, in microseconds: 1,000 samples of a page that takes a second. */
const samplingIntervalUs = 1000;

export interface StageTimes {
  /** Milliseconds of processor time for each page. */
  readonly perPage: ReadonlyMap<Stage, number>;
  readonly totalMs: number;
}

/**
 * Reads the images with one engine in this process, as an engine process does (one page after the other, garbage collected
 * in between), and divides the processor time of each thread: the main one by V8's profiler, the others by what they are for.
 * All images are read once before, so that most code is compiled. Linux only.
 */
export async function measureStages(images: readonly BenchImage[], model: ModelName): Promise<StageTimes> {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const engine = await createEngine({ model });
  const readAll = async (): Promise<void> => {
    for (const { bytes } of images) {
      await engine.recognize(bytes);
      collectGarbage();
      threads.note();
    }
  };
  const threads = new ThreadTimes();
  const session = new Session();
  try {
    await readAll();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: samplingIntervalUs });
    const mainBefore = process.threadCpuUsage();
    const othersBefore = threads.note();
    await session.post('Profiler.start');
    await readAll();
    const { user, system } = process.threadCpuUsage(mainBefore);
    const others = threads.note();
    const { profile } = await session.post('Profiler.stop');
    const perPage = new Map<Stage, number>();
    const add = (stage: Stage, ms: number): void =>
      void perPage.set(stage, (perPage.get(stage) ?? 0) + ms / images.length);
    for (const [stage, share] of sharesOfStages(profile)) add(stage, (share * (user + system)) / 1000);
    for (const [stage, ms] of others) add(stage, ms - (othersBefore.get(stage) ?? 0));
    return { perPage, totalMs: [...perPage.values()].reduce((sum, ms) => sum + ms, 0) };
  } finally {
    session.disconnect();
    await engine.close();
  }
}

/** What threads beside the main one are for, by their names. The profiler's own are not counted. */
const stageOfThread: readonly (readonly [RegExp, Stage])[] = [
  [/^(libvips|libuv)/, 'decode and resize'],
  // They compile hot functions and help to collect garbage; an engine's heap is so small that the former prevails.
  [/^V8Worker/, 'compilation'],
];

/** Processor time of the other threads of this process, those included that have ended since they were noted. */
class ThreadTimes {
  readonly #byThread = new Map<string, { readonly stage: Stage; readonly ms: number }>();

  /** Milliseconds so far, by stage. */
  note(): Map<Stage, number> {
    for (const thread of readdirSync('/proc/self/task')) {
      const [name, schedstat] = [readTask(thread, 'comm'), readTask(thread, 'schedstat')];
      const stage = stageOfThread.find(([pattern]) => pattern.test(name))?.[1];
      // Nanoseconds on a processor, nanoseconds in the queue, number of turns.
      if (stage !== undefined) this.#byThread.set(thread, { stage, ms: Number(schedstat.split(' ')[0]) / 1e6 });
    }
    const sums = new Map<Stage, number>();
    for (const { stage, ms } of this.#byThread.values()) sums.set(stage, (sums.get(stage) ?? 0) + ms);
    return sums;
  }
}

function readTask(thread: string, file: string): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/${file}`, 'utf8');
  } catch {
    // It has ended.
    return '';
  }
}
