/** `[x, y]` in pixels of the upright image. */
export type Point = readonly [number, number];

/** Four corners, clockwise from the one at the top-left of the image. */
export type Quad = readonly [Point, Point, Point, Point];

/** One line of text as it was read. */
export interface Line {
  readonly text: string;
  /** Mean probability of the line's characters, 0..1. */
  readonly confidence: number;
  /** Integers inside the upright image. */
  readonly box: Quad;
}

/** Milliseconds that each stage took. `total` also holds what lies between stages. */
export interface Timings {
  readonly decode: number;
  readonly detect: number;
  readonly classify: number;
  readonly recognize: number;
  readonly total: number;
}

/** One page as it was read; `width` and `height` are those of the upright image, lines in reading order. */
export interface PageResult {
  readonly width: number;
  readonly height: number;
  readonly lines: readonly Line[];
  readonly timings: Timings;
}

export const modelNames = ['small', 'tiny'] as const;
export type ModelName = (typeof modelNames)[number];

export const providers = ['cpu', 'cuda'] as const;
export type Provider = (typeof providers)[number];

/** What is refused before it is decoded. */
export interface ImageLimits {
  readonly maxImageBytes: number;
  readonly maxImagePixels: number;
}

export const defaultImageLimits: ImageLimits = { maxImageBytes: 20_000_000, maxImagePixels: 40_000_000 };
