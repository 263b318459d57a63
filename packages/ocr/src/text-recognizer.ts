import { type Crop, cropLine, lineSize } from './crop.ts';
import { ctcDecode, type Reading } from './ctc-decode.ts';
import { EngineError } from './engine-error.ts';
import type { Image } from './image.ts';
import { withInput } from './input-memory.ts';
import type { Model } from './model.ts';
import { symmetric, writePlanes } from './normalize.ts';
import type { ModelName, Provider, Quad } from './types.ts';

/** The network reads lines of this height (PP-OCRv3 and later). */
export const lineHeight = 48;

/**
 * Lines are padded on the right to a multiple of this: every new width costs the runtime memory and set-up, and every
 * column of padding costs time. On a GPU set-up is what costs (CUDA tries algorithms for each new shape), and only lines
 * of one width share a batch. The same with and without batches, so that both see the same pixels.
 */
export const widthSteps: Readonly<Record<Provider, number>> = { cpu: 16, cuda: 32 };

/**
 * Words shorter than this are padded: the networks were trained on 320 columns and misread what is much narrower, single
 * digits above all. Padding all of them that far costs time, and spaces. Measured, see docs/performance.md.
 */
export const minWidths: Readonly<Record<ModelName, number>> = { small: 96, tiny: 64 };

/** Longer lines are squeezed; nobody writes 600 letters in one line, and memory grows with the width. */
export const maxWidth = 4096;

export interface TextRecognizer {
  readonly model: Model;
  /** `characters[c]` is the text of class `c`; class 0 is CTC's blank. */
  readonly characters: readonly string[];
  /** Lines are padded to a multiple of so many columns; as on a CPU if not said. */
  readonly widthStep?: number;
  /** Shorter lines are padded to so many columns; as for the small model if not said. */
  readonly minWidth?: number;
}

export interface ReadLineOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Columns that the text of a line takes at the network's height. */
export function textWidth(line: Quad): number {
  const { length, thickness } = lineSize(line);
  const width = Math.round((lineHeight * length) / Math.max(1, thickness));
  return Math.min(maxWidth, Math.max(8, width));
}

/** The width that the network sees for a line whose text takes `width` columns. */
export function paddedWidth(width: number, widthStep: number, minWidth = minWidths.small): number {
  return Math.ceil(Math.max(minWidth, width) / widthStep) * widthStep;
}

/** Cuts one line out of a page, as high as the network wants it; the first side of `line` runs along the text. */
export function cutLine(page: Image, line: Quad): Crop {
  return cropLine(page, line, textWidth(line), lineHeight);
}

/** Reads one line of a page; the first side of `line` runs along the text. */
export function recognizeLine(
  recognizer: TextRecognizer,
  page: Image,
  line: Quad,
  options: ReadLineOptions = {},
): Promise<Reading> {
  return recognizeCrop(recognizer, cutLine(page, line), options);
}

/**
 * Reads one line that was cut out by `cutLine`, here or elsewhere.
 *
 * Input of the network: NCHW float32 [1, 3, 48, W], -1..1, zeros where padded. Outputs of each of T steps: int32 [1, T], the
 * best class, float32 [1, T], its probability, and float32 [1, T], that of a space.
 */
export async function recognizeCrop(
  { model, characters, widthStep = widthSteps.cpu, minWidth }: TextRecognizer,
  crop: Crop,
  { signal }: ReadLineOptions = {},
): Promise<Reading> {
  const width = paddedWidth(crop.width, widthStep, minWidth);
  const [classes, probabilities, spaces] = await withInput(model, 3 * lineHeight * width, (input) => {
    if (crop.width < width) input.fill(0);
    writePlanes(crop, symmetric, input, { item: 0, height: lineHeight, width });
    return model.run({ data: input, dims: [1, 3, lineHeight, width] }, { signal, filled: crop.width / width });
  });
  if (
    !(classes?.data instanceof Int32Array) ||
    !(probabilities?.data instanceof Float32Array) ||
    !(spaces?.data instanceof Float32Array)
  ) {
    throw new EngineError('engine_failed', 'The recognizer has other outputs than expected');
  }
  return ctcDecode({ classes: classes.data, probabilities: probabilities.data, spaces: spaces.data }, characters);
}
