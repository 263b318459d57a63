import type { Image } from './image.ts';

/** The network's value for each level (0..255) of a pixel, plane by plane in the order of its input: B, G, R. */
export type Normalization = readonly [blue: Float32Array, green: Float32Array, red: Float32Array];

type Channels = readonly [number, number, number];

/** Value = (pixel / 255 - mean) / std. There are only 256 pixels, so nothing is computed for each of a page's. */
function normalization(mean: Channels, std: Channels): Normalization {
  const table = (channel: 0 | 1 | 2): Float32Array => {
    const factor = 1 / (255 * std[channel]);
    const offset = -mean[channel] / std[channel];
    return Float32Array.from({ length: 256 }, (_, level) => level * factor + offset);
  };
  return [table(0), table(1), table(2)];
}

/** Statistics of ImageNet, laid over B, G, R in this order: PaddleOCR feeds BGR and does not reorder them. */
export const imageNet = normalization([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/** Pixels to -1..1. */
export const symmetric = normalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]);

/** Where an image goes inside a larger NCHW tensor of one or more items of `height` × `width`. */
export interface Placement {
  readonly item: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Writes an RGB image (HWC, 0..255) into an NCHW float32 tensor as BGR planes, at the top-left of its item. What the
 * image does not cover is left as it was.
 */
export function writePlanes(
  image: Image,
  [blue, green, red]: Normalization,
  target: Float32Array,
  { item, height, width }: Placement,
): void {
  const { data } = image;
  const plane = height * width;
  const start = item * 3 * plane;
  for (let y = 0, from = 0; y < image.height; y++) {
    const end = from + image.width * 3;
    for (let to = start + y * width; from < end; from += 3, to++) {
      target[to] = blue[data[from + 2]!]!;
      target[to + plane] = green[data[from + 1]!]!;
      target[to + 2 * plane] = red[data[from]!]!;
    }
  }
}
