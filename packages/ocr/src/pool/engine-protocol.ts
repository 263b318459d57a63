import { z } from 'zod';
import type { Crop } from '../crop.ts';
import type { Reading } from '../ctc-decode.ts';
import { engineErrorCodes } from '../engine-error.ts';
import { lineHeight, maxWidth } from '../text-recognizer.ts';
import {
  type BatchLimits,
  type ImageLimits,
  type ModelName,
  type PictureFormat,
  pictureSides,
  type Provider,
  reportedModels,
  type WeightPrecision,
} from '../types.ts';
import { maxBatchesPerMessage } from './max-batches.ts';
import { webpSize } from './webp-size.ts';

/** What an engine process needs to know before its first page. */
export interface EngineProcessOptions {
  readonly model: ModelName;
  readonly modelsDir: string;
  readonly provider: Provider;
  /** Chosen by the pool: an engine process may not ask what processor it runs on. */
  readonly precision: WeightPrecision;
  readonly deviceId: number;
  readonly batching: BatchLimits | undefined;
  readonly gpuMemoryLimitBytes: number | undefined;
  readonly widthStep: number | undefined;
  readonly threads: number;
  readonly loneThreads: number;
  readonly warmUpMs: number | undefined;
  readonly limits: ImageLimits;
  readonly minConfidence: number;
}

/** Pool to engine process. The pool is trusted, so these are only typed. */
export type ToEngine =
  | { readonly type: 'start'; readonly options: EngineProcessOptions }
  | {
      readonly type: 'page';
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly pictures?: PictureFormat | undefined;
      /** Others may read lines of it. */
      readonly isShared: boolean;
      /** No other process has a page. */
      readonly isLone: boolean;
    }
  | { readonly type: 'cancel'; readonly id: number }
  /** So many chunks of the page's lines may be handed out, each to one of so many helpers. */
  | { readonly type: 'help'; readonly id: number; readonly chunks: number; readonly helpers: number }
  /** To a helper: lines of a page that another process has in hand. */
  | { readonly type: 'lines'; readonly crops: readonly Crop[] }
  /** To the page's process: what the first lines of a chunk say; the others are its own again. */
  | { readonly type: 'readings'; readonly id: number; readonly chunk: number; readonly readings: readonly Reading[] };

const pixel = z.int().min(0);
const point = z.tuple([pixel, pixel]).readonly();
const milliseconds = z.number().min(0);

const usage = z.object({ rssBytes: z.int().min(0), cpuSeconds: z.number().min(0) });
const errorSchema = z.object({ code: z.enum(engineErrorCodes), message: z.string().max(500) });

/** Twice what the worst page (noise) takes. */
const maxPictureBytes = 4_000_000;

function picture(longestSide: number) {
  return z.custom<Uint8Array>((bytes) => {
    const size = bytes instanceof Uint8Array && bytes.length <= maxPictureBytes ? webpSize(bytes) : undefined;
    return (
      size !== undefined && Math.min(size.width, size.height) > 0 && Math.max(size.width, size.height) <= longestSide
    );
  });
}

const reading = z.object({ text: z.string().max(5_000), confidence: z.number().min(0).max(1) });

/** RGB, 8 bit, HWC. */
const crop = z
  .object({
    width: z.int().min(1).max(maxWidth),
    height: z.literal<number>(lineHeight),
    data: z.custom<Uint8Array>((data) => data instanceof Uint8Array),
  })
  .refine(({ width, height, data }) => data.length === 3 * width * height);

export const maxLinesPerChunk = 64;

/** Many short lines or one long one. */
const crops = z
  .array(crop)
  .min(1)
  .max(maxLinesPerChunk)
  .refine((all) => all.reduce((sum, { width }) => sum + width, 0) <= maxWidth);

const pageResultSchema = z.object({
  width: pixel,
  height: pixel,
  lines: z.array(reading.extend({ box: z.tuple([point, point, point, point]).readonly() })).max(100_000),
  timings: z.object({
    decode: milliseconds,
    detect: milliseconds,
    classify: milliseconds,
    recognize: milliseconds,
    draw: milliseconds.exactOptional(),
    total: milliseconds,
  }),
  /** Browsers will be given these. */
  pictures: z
    .object({ preview: picture(pictureSides.preview), thumbnail: picture(pictureSides.thumbnail) })
    .exactOptional(),
});

const batch = z.object({
  model: z.enum(reportedModels),
  size: z.int().min(1).max(1_024),
  fill: z.number().min(0).max(1),
});
/** What its networks were given since the last message; absent where nothing is batched. */
const batches = z.array(batch).max(maxBatchesPerMessage).exactOptional();

/**
 * Engine process to pool. An engine process parses hostile images in native code: what it says is checked like any
 * input from outside.
 */
export const fromEngineSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), usage }),
  z.object({ type: z.literal('start_failed'), error: errorSchema }),
  /** The page has arrived: from here on a death may be its doing. */
  z.object({ type: z.literal('started'), id: z.int() }),
  /** The lines of the page are found, and others may read some of them. */
  z.object({ type: z.literal('help_wanted'), id: z.int() }),
  /** One chunk, for one that was granted. */
  z.object({ type: z.literal('lines'), id: z.int(), chunk: z.int().min(0), crops }),
  /** There is nothing left to hand out. */
  z.object({ type: z.literal('no_lines'), id: z.int() }),
  /** Of a helper: what the lines say, or the first of them where it was given a page meanwhile. */
  z.object({ type: z.literal('readings'), readings: z.array(reading).max(maxLinesPerChunk), usage }),
  z.object({ type: z.literal('result'), id: z.int(), result: pageResultSchema, usage, batches }),
  z.object({ type: z.literal('error'), id: z.int(), error: errorSchema, usage, batches }),
]);
export type FromEngine = z.infer<typeof fromEngineSchema>;
export type Usage = z.infer<typeof usage>;
