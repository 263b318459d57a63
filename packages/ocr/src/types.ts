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

/** The longest side of the pictures that people are shown of a page, in pixels; small pages are not enlarged. */
export const pictureSides = { preview: 1600, thumbnail: 320 } as const;

/** What pictures of a page are encoded as. */
export const pictureFormats = ['webp'] as const;
export type PictureFormat = (typeof pictureFormats)[number];

/** A page for people: upright as its boxes are, drawn anew from its pixels, nothing of the original's bytes in it. */
export interface PagePictures {
  readonly preview: Uint8Array;
  readonly thumbnail: Uint8Array;
}

/** Milliseconds that each stage took. `total` also holds what lies between stages. */
export interface Timings {
  readonly decode: number;
  readonly detect: number;
  readonly classify: number;
  readonly recognize: number;
  /** Of pages that were also drawn. */
  readonly draw?: number;
  readonly total: number;
}

/** One page as it was read; `width` and `height` are those of the upright image, lines in reading order. */
export interface PageResult {
  readonly width: number;
  readonly height: number;
  readonly lines: readonly Line[];
  readonly timings: Timings;
  /** Where they were asked for; absent too where they could not be made, which is no fault of the reading. */
  readonly pictures?: PagePictures;
}

export const modelNames = ['small', 'tiny'] as const;
export type ModelName = (typeof modelNames)[number];

/** What the networks compute in: 8 bits where they bear it and the processor is fast with them, or float32. */
export const precisions = ['auto', 'int8', 'fp32'] as const;
export type Precision = (typeof precisions)[number];
/** Which of the weights are loaded, once that is decided. */
export type WeightPrecision = Exclude<Precision, 'auto'>;

export const providers = ['cpu', 'cuda'] as const;
export type Provider = (typeof providers)[number];

/** The networks of an engine, by what they do. */
export const modelRoles = ['detector', 'classifier', 'recognizer'] as const;
export type ModelRole = (typeof modelRoles)[number];

/** How calls of a network are merged. */
export interface BatchLimits {
  /** Inputs that a network is given at once at most. */
  readonly maxBatchSize: number;
  /** How long a call waits for others at most before it goes as it is. */
  readonly maxQueueDelayMs: number;
}

/** Networks whose batches are told of; the classifier sees too few lines to matter. */
export const reportedModels = ['detector', 'recognizer'] as const satisfies readonly ModelRole[];

/** One batch that a network was given. */
export interface BatchReport {
  readonly model: (typeof reportedModels)[number];
  readonly size: number;
  /** The share of its pixels that is no padding, 0..1. */
  readonly fill: number;
}

/** What is refused before it is decoded. */
export interface ImageLimits {
  readonly maxImageBytes: number;
  readonly maxImagePixels: number;
}

export const defaultImageLimits: ImageLimits = { maxImageBytes: 20_000_000, maxImagePixels: 40_000_000 };
