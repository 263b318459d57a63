import { type Crop, cropLine, lineSize } from './crop.ts';
import { ctcDecode, type Reading } from './ctc-decode.ts';
import type { Image } from './image.ts';
import type { Model } from './model.ts';
import { symmetric, writePlanes } from './normalize.ts';
import type { Quad } from './types.ts';

/** The network reads lines of this height (PP-OCRv3 and later). */
const lineHeight = 48;

/**
 * Lines are padded on the right to a multiple of this: every new width costs the runtime memory and set-up, and every
 * column of padding costs time.
 */
const widthStep = 32;

/** Words shorter than this are padded: the network was trained on 320 columns and misreads what is much narrower. */
const minWidth = 64;

/** Longer lines are squeezed; nobody writes 600 letters in one line, and memory grows with the width. */
const maxWidth = 4096;

export interface TextRecognizer {
  readonly model: Model;
  /** `characters[c]` is the text of class `c`; class 0 is CTC's blank. */
  readonly characters: readonly string[];
}

/** Columns that the text of a line takes at the network's height. */
function textWidth(line: Quad): number {
  const { length, thickness } = lineSize(line);
  const width = Math.round((lineHeight * length) / Math.max(1, thickness));
  return Math.min(maxWidth, Math.max(8, width));
}

/** The width that the network sees for a line whose text takes `width` columns. */
export function paddedWidth(width: number): number {
  return Math.max(minWidth, Math.ceil(width / widthStep) * widthStep);
}

/**
 * Reads lines of a page; readings in the order of `lines`, whose first side runs along the text.
 *
 * One line at a time: on a CPU, a batch is no faster and has to pad its lines to the widest.
 */
export async function recognizeText(
  { model, characters }: TextRecognizer,
  page: Image,
  lines: readonly Quad[],
  signal?: AbortSignal,
): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (const line of lines) {
    signal?.throwIfAborted();
    const crop = cropLine(page, line, textWidth(line), lineHeight);
    readings.push(await readCrop(model, characters, crop));
  }
  return readings;
}

/**
 * Input NCHW float32 [1, 3, 48, W], -1..1, zeros where padded. Outputs int32 [1, T], the best class of each step, and
 * float32 [1, T], its probability.
 */
async function readCrop(model: Model, characters: readonly string[], crop: Crop): Promise<Reading> {
  const width = paddedWidth(crop.width);
  const input = new Float32Array(3 * lineHeight * width);
  writePlanes(crop, symmetric, input, { item: 0, height: lineHeight, width });
  const [classes, probabilities] = await model.run({ data: input, dims: [1, 3, lineHeight, width] });
  return ctcDecode(classes!.data as Int32Array, probabilities!.data as Float32Array, characters);
}
