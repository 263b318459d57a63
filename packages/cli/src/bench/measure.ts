import { setTimeout as delay } from 'node:timers/promises';
import type { EnginePool } from '@glyphmill/ocr/pool';

export interface LoneFigures {
  readonly pages: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Of the lines, the share that other engines read than the page's own, 0..1. */
  readonly helpedShare: number;
}

export interface BusyFigures {
  readonly pages: number;
  readonly imagesPerSecond: number;
  /** As above; next to nothing, since every engine has a page of its own. */
  readonly helpedShare: number;
}

/** Pages one after the other, for so long, and each image once at least. Rejects with what a page is rejected with. */
export async function readOneByOne(
  pool: EnginePool,
  images: readonly Uint8Array[],
  durationMs: number,
): Promise<LoneFigures> {
  const times: number[] = [];
  const lines = countLines(pool);
  const until = performance.now() + durationMs;
  for (const image of endlessly(images)) {
    if (times.length >= images.length && performance.now() >= until) break;
    const begun = performance.now();
    lines.add((await pool.recognize(image)).lines.length);
    times.push(performance.now() - begun);
  }
  return { pages: times.length, p50Ms: quantile(times, 0.5), p95Ms: quantile(times, 0.95), helpedShare: lines.share() };
}

/**
 * As many pages as the engines can read, for so long: one waits for each that is read. Counted are those that end while
 * others wait, and one for each engine at least. Rejects with what a page is rejected with.
 */
export async function readAtOnce(
  pool: EnginePool,
  images: readonly Uint8Array[],
  durationMs: number,
): Promise<BusyFigures> {
  const lines = countLines(pool);
  const source = endlessly(images);
  const begun = performance.now();
  let [pages, elapsedMs, helpedShare] = [0, 0, 0];
  let isOver = false;
  const readOn = async (): Promise<void> => {
    while (!isOver) {
      const { value: image } = source.next();
      const page = await pool.recognize(image);
      // From then on fewer pages wait than there are engines.
      if (isOver) return;
      pages++;
      lines.add(page.lines.length);
      elapsedMs = performance.now() - begun;
      helpedShare = lines.share();
      isOver = elapsedMs >= durationMs && pages >= pool.capacity;
    }
  };
  try {
    await Promise.all(Array.from({ length: 2 * pool.capacity }, readOn));
  } finally {
    isOver = true;
  }
  return { pages, imagesPerSecond: (1000 * pages) / elapsedMs, helpedShare };
}

/** Until every engine has read every image: what is new to it takes longer. */
export async function warmUp(pool: EnginePool, images: readonly Uint8Array[]): Promise<void> {
  for (const image of images) {
    await Promise.all(Array.from({ length: pool.capacity }, () => pool.recognize(image)));
  }
  // An engine tidies up after its answer.
  await delay(100);
}

function countLines(pool: EnginePool): { add(lines: number): void; share(): number } {
  const before = pool.stats().helpedLines;
  let all = 0;
  return {
    add: (lines) => void (all += lines),
    // Lines that say nothing are read, too, but are not among those of the page.
    share: () => (all === 0 ? 0 : Math.min(1, (pool.stats().helpedLines - before) / all)),
  };
}

function* endlessly(images: readonly Uint8Array[]): Generator<Uint8Array, never> {
  for (;;) yield* images;
}

/** The smallest time that this share of all does not exceed. */
function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
