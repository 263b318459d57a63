import { EngineError } from './engine-error.ts';
import { maxWholeArea } from './text-detector.ts';
import type { ModelRole } from './types.ts';

/**
 * Bytes that a run needs for each pixel of its input, weights not counted: the peaks that the small models were seen to
 * reach on a CPU (docs/gpu.md), rounded up. A GPU computes the same float32 tensors; what its libraries take besides is
 * in `fixedBytes`.
 */
const bytesPerPixel: Readonly<Record<ModelRole, number>> = { detector: 160, classifier: 600, recognizer: 600 };

/** CUDA's context, its libraries' workspaces and the weights: an estimate, not measured. */
const fixedBytes = 1_000_000_000;

/** ONNX Runtime's arena grows in powers of two: it may take twice what a run needs. */
const arenaGrowth = 2;

export type BatchPixels = Readonly<Record<ModelRole, number>>;

/**
 * How many pixels a batch of each network may have, so that all of them stay within `limitBytes` of device memory. Node's
 * binding of ONNX Runtime cannot hand CUDA a limit, so the batches are what is limited. Each network keeps an arena of
 * its own.
 *
 * Throws `EngineError` `engine_failed` when not even one page fits.
 */
export function batchPixelsWithin(limitBytes: number): BatchPixels {
  const arenaBytes = (limitBytes - fixedBytes) / 2 / arenaGrowth;
  const pixels = (role: ModelRole): number => Math.floor(arenaBytes / bytesPerPixel[role]);
  if (pixels('detector') < maxWholeArea) {
    const leastBytes = fixedBytes + 2 * arenaGrowth * maxWholeArea * bytesPerPixel.detector;
    throw new EngineError(
      'engine_failed',
      `A GPU memory limit of ${limitBytes} bytes is too small: one page needs ${Math.ceil(leastBytes / 1e8) * 1e8}`,
    );
  }
  // The classifier sees few small crops; it has no share of its own.
  return { detector: pixels('detector'), classifier: pixels('classifier'), recognizer: pixels('recognizer') };
}
