// Entry of a process that reads images with one engine while it measures itself; see stages-command.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { createEngine } from '@glyphmill/ocr';
import type { StageRequest, StageTimes } from './stage-times.ts';
import { sharesOfStages, type Stage } from './stage-of-sample.ts';

/** Of the profiler, in microseconds: 1,000 samples of a page that takes a second. */
const samplingIntervalUs = 1000;

process.once('message', (request: StageRequest) => {
  void measureStages(request).then((times) => process.send?.(times, () => process.disconnect()));
});

/**
 * Reads images as an engine process does (one after the other, garbage collected in between) and divides the processor
 * time of each thread: the main one by V8's profiler, the others by what they are for. All images are read once before,
 * profiled too, since V8 compiles anew what it profiles.
 */
async function measureStages({ images, model }: StageRequest): Promise<StageTimes> {
  const engine = await createEngine({ model });
  const threads = new ThreadTimes();
  const readAll = async (): Promise<void> => {
    for (const bytes of images) {
      await engine.recognize(bytes);
      globalThis.gc?.();
      threads.note();
    }
  };
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: samplingIntervalUs });
  await session.post('Profiler.start');
  await readAll();
  await session.post('Profiler.stop');
  await session.post('Profiler.start');
  const mainBefore = process.threadCpuUsage();
  const othersBefore = threads.note();
  await readAll();
  const { user, system } = process.threadCpuUsage(mainBefore);
  const others = threads.note();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  await engine.close();
  const perPage: Partial<Record<Stage, number>> = {};
  const add = (stage: Stage, ms: number): void => void (perPage[stage] = (perPage[stage] ?? 0) + ms / images.length);
  for (const [stage, share] of sharesOfStages(profile)) add(stage, (share * (user + system)) / 1000);
  for (const [stage, ms] of others) add(stage, ms - (othersBefore.get(stage) ?? 0));
  return perPage;
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
