import { EngineError } from './engine-error.ts';
import type { BatchPixels } from './gpu-memory.ts';
import type { Model } from './model.ts';
import type { Networks } from './pipeline.ts';
import { inputHeight, inputWidth } from './text-classifier.ts';
import { lineHeight, paddedWidth, widthSteps } from './text-recognizer.ts';
import type { ModelRole } from './types.ts';

export interface WarmUpOptions {
  /** Batches of 1, 2, 4 … up to this many are tried. */
  readonly maxBatchSize: number;
  /** Batches with more pixels than this are not made, so they are not tried. */
  readonly pixels?: BatchPixels | undefined;
  /** No shape is begun later than this; loading must end. */
  readonly budgetMs: number;
}

/** Detector inputs of pages as they come: upright and lying A4, a till receipt; in full, and as the glimpse before. */
const pageShapes = [
  [1280, 896],
  [448, 320],
  [896, 1280],
  [320, 448],
  [1600, 704],
  [576, 256],
] as const;

/** Longer lines are rare enough to be set up when they come. */
const usualWidth = 768;

interface Shape {
  readonly model: Model;
  readonly role: ModelRole;
  readonly dims: readonly [items: number, channels: 3, height: number, width: number];
}

/**
 * Runs each network once on the shapes that pages bring all the time: on a GPU the first run of a shape sets it up, which
 * takes as long as many pages. The networks are the ones without batching. Resolves with the number of shapes.
 *
 * Rejects with `EngineError` `engine_failed` when a network does not run: better now than with somebody's page.
 */
export async function warmUp(networks: Networks, { maxBatchSize, pixels, budgetMs }: WarmUpOptions): Promise<number> {
  const until = performance.now() + budgetMs;
  let shapes = 0;
  for (const { model, role, dims } of usualShapes(networks, batchSizes(maxBatchSize))) {
    const [items, channels, height, width] = dims;
    const area = items * height * width;
    if (items > 1 && area > (pixels?.[role] ?? Infinity)) continue;
    if (performance.now() >= until) break;
    try {
      await model.run({ data: new Float32Array(channels * area), dims });
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      throw new EngineError('engine_failed', `The ${role} does not run on [${dims.join(', ')}]: ${reason}`, {
        cause: error,
      });
    }
    shapes++;
  }
  return shapes;
}

/** The most wanted first. */
function* usualShapes(
  { detector, classifier, recognizer }: Networks,
  sizes: readonly number[],
): Generator<Shape, void, undefined> {
  for (const [height, width] of pageShapes) {
    yield { model: detector, role: 'detector', dims: [1, 3, height, width] };
  }
  const step = recognizer.widthStep ?? widthSteps.cpu;
  for (const size of sizes) {
    yield { model: classifier.model, role: 'classifier', dims: [size, 3, inputHeight, inputWidth] };
    for (let width = paddedWidth(1, step, recognizer.minWidth); width <= usualWidth; width += step) {
      yield { model: recognizer.model, role: 'recognizer', dims: [size, 3, lineHeight, width] };
    }
  }
}

function batchSizes(maxBatchSize: number): number[] {
  const sizes: number[] = [];
  for (let size = 1; size < maxBatchSize; size *= 2) sizes.push(size);
  return [...sizes, maxBatchSize];
}
