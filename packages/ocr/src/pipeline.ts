import { alongText, upsideDown } from './crop.ts';
import type { Reading } from './ctc-decode.ts';
import { type DecodedImage, decodeImage, drawPictures, type Image } from './image.ts';
import { mapConcurrently, type MapOptions } from './map-concurrently.ts';
import type { Model } from './model.ts';
import { inReadingOrder } from './reading-order.ts';
import { type LineHelp, SharedLines } from './shared-lines.ts';
import { isUpsideDown, type TextClassifier } from './text-classifier.ts';
import { detectionScale, detectText } from './text-detector.ts';
import { recognizeLine, type TextRecognizer } from './text-recognizer.ts';
import { tightBox } from './tight-box.ts';
import type { BoxOptions } from './boxes-from-bitmap.ts';
import type {
  ImageLimits,
  Line,
  ModelName,
  PagePictures,
  PageResult,
  PictureFormat,
  Point,
  Quad,
  Timings,
} from './types.ts';

/** The networks of one engine and what they were trained with. */
export interface Networks {
  readonly detector: Model;
  readonly boxes: BoxOptions;
  /** See `DetectOptions`. */
  readonly wholePages?: boolean | undefined;
  /** See `maxRunAreas`; as for small if not said. */
  readonly maxRunArea?: number | undefined;
  /** See `workingScales`; as for small if not said. */
  readonly workingScale?: number | undefined;
  readonly classifier: TextClassifier;
  readonly recognizer: TextRecognizer;
}

export interface ReadPageOptions {
  readonly limits: ImageLimits;
  /** Lines with less confidence are left out, 0..1. */
  readonly minConfidence: number;
  /** Also draws the page for people. */
  readonly pictures?: PictureFormat | undefined;
  /** Others who may read some of the lines; nobody if not said. For networks that are asked one line at a time. */
  readonly help?: LineHelp | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Pixels beyond this many times the detector's scale are not kept: lines that the detector can find at all are then
 * still some 23 (small) or 19 (tiny) pixels high in the page that they are cut from, of which 31 or 22 MB are kept at
 * most. With 2.5 times small reads the finest print of large scans a little worse, and tiny as well as before.
 */
export const workingScales: Readonly<Record<ModelName, number>> = { small: 3, tiny: 2.5 };

/** A reading with less confidence may be that of a line standing on its head. */
const doubtful = 0.9;

/** A line of the page on its way to its reading. */
interface FoundLine {
  /** As detected, in pixels of the decoded image. */
  readonly box: Quad;
  /** The same corners, the first side along the text. */
  along: Quad;
  reading: Reading;
}

/**
 * Reads a page: decode, find the lines, read them, turn those that stand on their head, put them in order. Pictures come
 * last, of the pixels that are there already: nobody waits for them, and a page that is stopped needs none.
 */
export async function readPage(networks: Networks, bytes: Uint8Array, options: ReadPageOptions): Promise<PageResult> {
  const { signal } = options;
  const clock = stopwatch();
  const { boxes: boxOptions, wholePages, maxRunArea, workingScale = workingScales.small } = networks;
  const page = await decodeImage(bytes, options.limits, (width, height) =>
    Math.ceil(Math.max(width, height) * workingScale * detectionScale(width, height)),
  );
  clock.lap('decode');
  signal?.throwIfAborted();
  const scale = (detectionScale(page.width, page.height) * page.width) / page.image.width;
  const boxes = await detectText(networks.detector, page.image, {
    ...boxOptions,
    wholePages,
    maxRunArea,
    scale,
    signal,
  });
  clock.lap('detect');
  const lines = await readLines(networks.recognizer, page.image, boxes, options);
  clock.lap('recognize');
  await rereadUpsideDown(networks, page.image, lines, signal);
  clock.lap('classify');
  const pictures = options.pictures === undefined ? undefined : await tryToDraw(page.image);
  if (options.pictures !== undefined) clock.lap('draw');
  return {
    width: page.width,
    height: page.height,
    lines: reportedLines(lines, page, options),
    timings: clock.timings(),
    ...(pictures !== undefined && { pictures }),
  };
}

/** Reads the lines in the boxes, with the help of others where there is any. */
async function readLines(
  recognizer: TextRecognizer,
  page: Image,
  boxes: readonly Quad[],
  { signal, help }: ReadPageOptions,
): Promise<FoundLine[]> {
  const lines = boxes.map((box) => ({ box, along: alongText(box) }));
  if (help === undefined || lines.length < 2) {
    return mapConcurrently(lines, askedAtOnce(recognizer, signal), async (line) => {
      const reading = await recognizeLine(recognizer, page, line.along, { signal });
      return { ...line, reading };
    });
  }
  const shared = new SharedLines(recognizer, page, lines);
  help.begin(shared);
  try {
    return await shared.read(signal);
  } finally {
    help.end();
  }
}

/** A page that was read is worth more than its pictures. */
async function tryToDraw(page: Image): Promise<PagePictures | undefined> {
  try {
    return await drawPictures(page);
  } catch {
    return undefined;
  }
}

/**
 * Asks the classifier about doubtful readings only: text that is read with confidence stands upright, and asking costs
 * time. Where most of the doubtful lines stand on their head the page was scanned upside down, and all are asked
 * about: digits like 68 read well both ways. Of two readings of a single turned line the more confident stays.
 */
async function rereadUpsideDown(
  { classifier, recognizer }: Networks,
  page: Image,
  lines: readonly FoundLine[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const [doubted, sure] = partition(lines, (line) => line.reading.confidence < doubtful);
  const turned = await turnedAmong(doubted);
  const isPageTurned = turned.length > doubted.length / 2 && turned.length >= lines.length / 4;
  if (isPageTurned) turned.push(...(await turnedAmong(sure)));
  await mapConcurrently(turned, askedAtOnce(recognizer, signal), async (line) => {
    const along = upsideDown(line.along);
    const reading = await recognizeLine(recognizer, page, along, { signal });
    if (isPageTurned || reading.confidence > line.reading.confidence) Object.assign(line, { along, reading });
  });

  async function turnedAmong(candidates: readonly FoundLine[]): Promise<FoundLine[]> {
    const answers = await mapConcurrently(candidates, askedAtOnce(classifier, signal), (line) =>
      isUpsideDown(classifier, page, line.along, { signal }),
    );
    return candidates.filter((_, at) => answers[at]);
  }
}

/** As many lines of a page at the same time as the network wants; one after the other on a CPU. */
function askedAtOnce({ model }: { readonly model: Model }, signal: AbortSignal | undefined): MapOptions {
  return { atOnce: model.wantedCalls ?? 1, signal };
}

function partition<T>(items: readonly T[], belongs: (item: T) => boolean): [T[], T[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))];
}

/** The lines that were read well enough, in reading order and whole pixels of the full page. */
function reportedLines(lines: readonly FoundLine[], page: DecodedImage, { minConfidence }: ReadPageOptions): Line[] {
  const { image, width, height } = page;
  const toPage = ([x, y]: Point): Point => [
    Math.min(width - 1, Math.max(0, Math.round((x * width) / image.width))),
    Math.min(height - 1, Math.max(0, Math.round((y * height) / image.height))),
  ];
  const ordered = inReadingOrder(lines, (line) => line.along);
  return ordered.flatMap(({ box, reading: { text, confidence } }) => {
    if (text.trim() === '' || confidence < minConfidence) return [];
    const [a, b, c, d] = tightBox(box);
    return [{ text, confidence, box: [toPage(a), toPage(b), toPage(c), toPage(d)] }];
  });
}

type Stage = Exclude<keyof Timings, 'total'>;

function stopwatch(): { lap(stage: Stage): void; timings(): Timings } {
  const start = performance.now();
  const stages: Record<Exclude<Stage, 'draw'>, number> & { draw?: number } = {
    decode: 0,
    detect: 0,
    classify: 0,
    recognize: 0,
  };
  let last = start;
  return {
    lap(stage) {
      const now = performance.now();
      stages[stage] = (stages[stage] ?? 0) + now - last;
      last = now;
    },
    timings: () => ({ ...stages, total: performance.now() - start }),
  };
}
