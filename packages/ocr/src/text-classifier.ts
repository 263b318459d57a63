import { cropLine, lineSize } from './crop.ts';
import type { Image } from './image.ts';
import { withInput } from './input-memory.ts';
import type { Model } from './model.ts';
import { symmetric, writePlanes } from './normalize.ts';
import type { Quad } from './types.ts';

/** The classifier looks at the beginning of a line: 192 × 48 (PaddleOCR's `cls_image_shape`). */
export const inputWidth = 192;
export const inputHeight = 48;

export interface TextClassifier {
  readonly model: Model;
  /** A line is upside down when the network says so with more than this probability. */
  readonly threshold: number;
}

/**
 * Says whether a line stands on its head.
 *
 * Input of the network: NCHW float32 [1, 3, 48, 192], -1..1; output [1, 2], probabilities of 0° and 180°.
 */
export async function isUpsideDown(
  { model, threshold }: TextClassifier,
  page: Image,
  line: Quad,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const { length, thickness } = lineSize(line);
  const width = Math.max(1, Math.min(inputWidth, Math.ceil((inputHeight * length) / Math.max(1, thickness))));
  const crop = cropLine(page, line, width, inputHeight);
  const [output] = await withInput(model, 3 * inputHeight * inputWidth, (input) => {
    if (width < inputWidth) input.fill(0);
    writePlanes(crop, symmetric, input, { item: 0, height: inputHeight, width: inputWidth });
    return model.run({ data: input, dims: [1, 3, inputHeight, inputWidth] }, { signal, filled: width / inputWidth });
  });
  return (output?.data[1] ?? 0) > threshold;
}
