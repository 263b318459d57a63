import type { Image } from './image.ts';

/** Per channel, in the order of the network's input: value = (pixel / 255 - mean) / std. */
export interface Normalization {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Statistics of ImageNet, laid over B, G, R in this order: PaddleOCR feeds BGR and does not reorder them. */
export const imageNet: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Pixels to -1..1. */
export const symmetric: Normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

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
  { mean, std }: Normalization,
  target: Float32Array,
  { item, height, width }: Placement,
): void {
  const plane = height * width;
  for (let channel = 0; channel < 3; channel++) {
    const factor = 1 / (255 * std[channel]!);
    const offset = -mean[channel]! / std[channel]!;
    const start = (item * 3 + channel) * plane;
    for (let y = 0; y < image.height; y++) {
      let from = y * image.width * 3 + (2 - channel);
      const to = start + y * width;
      for (let x = 0; x < image.width; x++, from += 3) target[to + x] = image.data[from]! * factor + offset;
    }
  }
}
