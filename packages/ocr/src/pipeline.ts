import { alongText, upsideDown } from './crop.ts';
import type { Reading } from './ctc-decode.ts';
import { decodeImage, type Image, type ImageLimits } from './image.ts';
import type { Model } from './model.ts';
import { readingOrder } from './reading-order.ts';
import { findUpsideDown, type TextClassifier } from './text-classifier.ts';
import { detectionScale, detectText } from './text-detector.ts';
import { recognizeText, type TextRecognizer } from './text-recognizer.ts';
import type { BoxOptions } from './boxes-from-bitmap.ts';
import type { Line, PageResult, Point, Quad, Timings } from './types.ts';

/** The networks of one engine and what they were trained with. */
export interface Networks {
  readonly detector: Model;
  readonly boxes: BoxOptions;
  readonly classifier: TextClassifier;
  readonly recognizer: TextRecognizer;
}

export interface ReadPageOptions {
  readonly limits: ImageLimits;
  /** Lines with less confidence are left out, 0..1. */
  readonly minConfidence: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Pixels beyond this many times the detector's scale are not kept: lines that the detector can find at all are then
 * still at least 30 pixels high in the page that they are cut from.
 */
const workingScale = 4;

/** A reading with less confidence may be that of a line standing on its head. */
const doubtful = 0.9;

/** Reads a page: decode, find the lines, read them, turn those that stand on their head, put them in order. */
export async function readPage(networks: Networks, bytes: Uint8Array, options: ReadPageOptions): Promise<PageResult> {
  const { signal } = options;
  const clock = stopwatch();
  const page = await decodeImage(bytes, options.limits, workingSide);
  clock.lap('decode');
  signal?.throwIfAborted();
  const shrink = page.image.width / page.width;
  const scale = detectionScale(page.width, page.height) / shrink;
  const quads = await detectText(networks.detector, page.image, { ...networks.boxes, scale, signal });
  clock.lap('detect');
  const lines = quads.map(alongText);
  const readings = await recognizeText(networks.recognizer, page.image, lines, signal);
  clock.lap('recognize');
  await rereadUpsideDown(networks, page.image, lines, readings, signal);
  clock.lap('classify');
  const toPage = pagePoints(page.image, page);
  return {
    width: page.width,
    height: page.height,
    lines: readingOrder(quads).flatMap((index) => {
      const { text, confidence } = readings[index]!;
      if (text.trim() === '' || confidence < options.minConfidence) return [];
      return [{ text, confidence, box: toPage(quads[index]!) } satisfies Line];
    }),
    timings: clock.timings(),
  };
}

function workingSide(width: number, height: number): number {
  return Math.ceil(Math.max(width, height) * workingScale * detectionScale(width, height));
}

/**
 * Asks the classifier about doubtful readings only: text that is read with confidence stands upright, and asking costs
 * time. Where most of the doubtful lines stand on their head the page was scanned upside down, and all are asked
 * about: digits like 68 read well both ways. Of two readings of a turned line the more confident stays.
 */
async function rereadUpsideDown(
  networks: Networks,
  page: Image,
  lines: readonly Quad[],
  readings: Reading[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const all = lines.keys().toArray();
  const suspects = all.filter((index) => readings[index]!.confidence < doubtful);
  const turned = await turnedAmong(suspects);
  const isPageTurned = turned.length > suspects.length / 2 && turned.length >= all.length / 4;
  if (isPageTurned) turned.push(...(await turnedAmong(all.filter((index) => !suspects.includes(index)))));
  const flipped = turned.map((index) => upsideDown(lines[index]!));
  const again = await recognizeText(networks.recognizer, page, flipped, signal);
  for (const [n, index] of turned.entries()) {
    const reading = again[n]!;
    if (isPageTurned || reading.confidence > readings[index]!.confidence) readings[index] = reading;
  }

  async function turnedAmong(indices: readonly number[]): Promise<number[]> {
    const quads = indices.map((index) => lines[index]!);
    const answers = await findUpsideDown(networks.classifier, page, quads, signal);
    return indices.filter((_, n) => answers[n]);
  }
}

/** From pixels of the decoded image to whole pixels of the full page. */
function pagePoints(image: Image, page: { width: number; height: number }): (quad: Quad) => Quad {
  const point = ([x, y]: Point): Point => [
    Math.min(page.width - 1, Math.max(0, Math.round((x * page.width) / image.width))),
    Math.min(page.height - 1, Math.max(0, Math.round((y * page.height) / image.height))),
  ];
  return ([a, b, c, d]) => [point(a), point(b), point(c), point(d)];
}

type Stage = Exclude<keyof Timings, 'total'>;

function stopwatch(): { lap(stage: Stage): void; timings(): Timings } {
  const start = performance.now();
  const stages: Record<Stage, number> = { decode: 0, detect: 0, classify: 0, recognize: 0 };
  let last = start;
  return {
    lap(stage) {
      const now = performance.now();
      stages[stage] += now - last;
      last = now;
    },
    timings: () => ({ ...stages, total: performance.now() - start }),
  };
}
