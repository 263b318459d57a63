import { EngineError } from './engine-error.ts';
import { readWeights } from './manifest.ts';
import { loadModel } from './model.ts';
import { type Networks, readPage } from './pipeline.ts';
import { defaultImageLimits, type ImageLimits, type ModelName, type PageResult, type Provider } from './types.ts';

export { EngineError, type EngineErrorCode, engineErrorCodes } from './engine-error.ts';
export {
  type Line,
  type ModelName,
  modelNames,
  type PageResult,
  type Point,
  type Provider,
  providers,
} from './types.ts';
export type { ImageLimits, Quad, Timings } from './types.ts';

export interface EngineOptions {
  /** `small` reads documents well; `tiny` is three times as fast and knows fewer characters. */
  readonly model: ModelName;
  /** Folder with manifest.json and the weights; by default the project's own. */
  readonly modelsDir?: string;
  readonly provider?: Provider;
  readonly limits?: ImageLimits;
  /** Threads inside one operator; 1 by default, since pages in parallel scale better than threads in a page. */
  readonly threads?: number;
}

export interface RecognizeOptions {
  /** Lines with less confidence are left out, 0..1; 0.5 by default, as in PaddleOCR. */
  readonly minConfidence?: number;
  /** Stops between two runs of a network. */
  readonly signal?: AbortSignal;
}

/** Reads images in the calling thread, which it blocks while a network runs; see the pool for doing it elsewhere. */
export interface Engine {
  /**
   * Reads one encoded image (JPEG, PNG, WebP, TIFF, GIF, AVIF; first page or frame).
   *
   * Rejects with `EngineError`: `image_unsupported`, `image_unreadable`, `image_too_large`, `aborted`.
   */
  recognize(bytes: Uint8Array, options?: RecognizeOptions): Promise<PageResult>;
  /** Releases the networks; call it when no page is being read. */
  close(): Promise<void>;
}

/**
 * Loads the networks of a model.
 *
 * Rejects with `EngineError`: `model_mismatch` (weights missing or not those of the manifest), `engine_failed`.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { model, modelsDir, provider = 'cpu', threads = 1, limits = defaultImageLimits } = options;
  const weights = await readWeights(model, modelsDir);
  const load = (bytes: Uint8Array) => loadModel(bytes, { provider, threads });
  const networks: Networks = {
    detector: await load(weights.detector),
    boxes: weights,
    classifier: { model: await load(weights.classifier), threshold: weights.classifierThreshold },
    recognizer: { model: await load(weights.recognizer), characters: weights.characters },
  };
  return {
    async recognize(bytes, { minConfidence = 0.5, signal } = {}) {
      try {
        return await readPage(networks, bytes, { limits, minConfidence, signal });
      } catch (error) {
        if (error instanceof EngineError) throw error;
        if (signal?.aborted === true) throw new EngineError('aborted', 'Reading was stopped', { cause: error });
        throw new EngineError('engine_failed', 'The engine failed on this page', { cause: error });
      }
    },
    async close() {
      await networks.detector.close();
      await networks.classifier.model.close();
      await networks.recognizer.model.close();
    },
  };
}
