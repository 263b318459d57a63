import type { Crop } from './crop.ts';
import type { Reading } from './ctc-decode.ts';
import { EngineError } from './engine-error.ts';
import { batchPixelsWithin } from './gpu-memory.ts';
import { readWeights, type Weights } from './manifest.ts';
import { loadModel, type Model } from './model.ts';
import { inBatches } from './network-batches.ts';
import { usablePrecision } from './precision.ts';
import { type Networks, readPage, workingScales } from './pipeline.ts';
import type { LineHelp } from './shared-lines.ts';
import { SwitchingModel } from './switching-model.ts';
import { maxRunAreas, maxWholeArea } from './text-detector.ts';
import { minWidths, recognizeCrop, widthSteps } from './text-recognizer.ts';
import {
  type BatchLimits,
  type BatchReport,
  defaultImageLimits,
  type ImageLimits,
  type ModelName,
  type ModelRole,
  type PageResult,
  type PictureFormat,
  type Precision,
  type Provider,
} from './types.ts';
import { defaultWarmUpMs } from './warm-up-time.ts';
import { warmUp } from './warm-up.ts';

export { EngineError, type EngineErrorCode, engineErrorCodes } from './engine-error.ts';
export {
  type Line,
  type ModelName,
  modelNames,
  type PagePictures,
  type PageResult,
  type PictureFormat,
  pictureSides,
  type Point,
  type Precision,
  precisions,
  type Provider,
  providers,
} from './types.ts';
export type { LineChunk, LineHelp, LineSource } from './shared-lines.ts';
export type { BatchLimits, BatchReport, ImageLimits, ModelRole, Quad, Timings } from './types.ts';

export interface EngineOptions {
  /** `small` reads documents well; `tiny` is three times as fast and knows fewer characters. */
  readonly model: ModelName;
  /** Folder with manifest.json and the weights; by default the project's own. */
  readonly modelsDir?: string;
  readonly provider?: Provider;
  /** `auto` if not said: `int8` on a CPU that has instructions for it, else `fp32`. With CUDA it is always `fp32`. */
  readonly precision?: Precision;
  /** Which GPU, counted from 0 among those that the process may see. */
  readonly deviceId?: number;
  readonly limits?: ImageLimits;
  /** Threads inside one operator; 1 by default, since pages in parallel scale better than threads in a page. */
  readonly threads?: number;
  /** Threads inside one operator of the detector while pages are alone, see `adapt`; as `threads` if not said. */
  readonly loneThreads?: number;
  /** Merges what pages that are read at the same time ask of a network; off if not said. For GPUs: a CPU needs more memory and gains nothing. */
  readonly batching?: BatchLimits | undefined;
  /** Bounds the batches so that the networks stay within so many bytes of the GPU; see docs/gpu.md. */
  readonly gpuMemoryLimitBytes?: number | undefined;
  /** Lines are padded to a multiple of so many columns; 16 on a CPU and 32 on a GPU if not said. */
  readonly widthStep?: number | undefined;
  /** The detector is shown whole pages, and not the part of each that has text; so it is with batching and on a GPU if not said. */
  readonly wholePages?: boolean | undefined;
  /** For so long at most usual shapes are tried before the engine is ready; 60 s on a GPU and none on a CPU if not said. */
  readonly warmUpMs?: number | undefined;
  /** Told of each batch. */
  readonly onBatch?: (batch: BatchReport) => void;
}

export interface RecognizeOptions {
  /** Lines with less confidence are left out, 0..1; 0.5 by default, as in PaddleOCR. */
  readonly minConfidence?: number;
  /** Also gives the page as pictures for people; none if not said. */
  readonly pictures?: PictureFormat | undefined;
  /** Others who may read some of the lines; nobody if not said. Not together with `batching`. */
  readonly help?: LineHelp | undefined;
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
  /** Reads one line that another engine of the same model has cut out. Rejects with `EngineError` `engine_failed`. */
  recognizeCrop(crop: Crop): Promise<Reading>;
  /**
   * After a page: takes note of whether it had the machine to itself, and gives the detector more or fewer threads when
   * that has changed for some pages. What is read stays the same.
   */
  adapt(load: 'lone' | 'busy'): Promise<void>;
  /** Releases the networks; call it when no page is being read. */
  close(): Promise<void>;
}

/**
 * Loads the networks of a model.
 *
 * Rejects with `EngineError`: `model_mismatch` (weights missing or not those of the manifest), `provider_unavailable`,
 * `engine_failed`.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { provider = 'cpu', limits = defaultImageLimits } = options;
  const { warmUpMs = defaultWarmUpMs[provider], batching, onBatch, gpuMemoryLimitBytes } = options;
  const pixels = gpuMemoryLimitBytes === undefined ? undefined : batchPixelsWithin(gpuMemoryLimitBytes);
  const { precision } = usablePrecision(options.precision ?? 'auto', provider);
  const weights = await readWeights({ ...options, precision });
  const alone = await loadNetworks(weights, options);
  if (warmUpMs > 0) await warmUp(alone, { maxBatchSize: batching?.maxBatchSize ?? 1, pixels, budgetMs: warmUpMs });
  const networks = mapModels(alone, (model, role) => inBatches(model, role, { batching, pixels, onBatch }));
  return {
    async recognize(bytes, { minConfidence = 0.5, pictures, help, signal } = {}) {
      try {
        return await readPage(networks, bytes, { limits, minConfidence, pictures, help, signal });
      } catch (error) {
        if (error instanceof EngineError) throw error;
        if (signal?.aborted === true) throw new EngineError('aborted', 'Reading was stopped', { cause: error });
        throw new EngineError('engine_failed', 'The engine failed on this page', { cause: error });
      }
    },
    async recognizeCrop(crop) {
      try {
        return await recognizeCrop(networks.recognizer, crop);
      } catch (error) {
        throw new EngineError('engine_failed', 'The engine failed on this line', { cause: error });
      }
    },
    async adapt(load) {
      if (alone.detector instanceof SwitchingModel) await alone.detector.adapt(load);
    },
    async close() {
      await networks.detector.close();
      await networks.classifier.model.close();
      await networks.recognizer.model.close();
    },
  };
}

async function loadNetworks(weights: Weights, options: EngineOptions): Promise<Networks> {
  const {
    provider = 'cpu',
    deviceId = 0,
    threads = 1,
    loneThreads = threads,
    widthStep = widthSteps[provider],
    wholePages = provider === 'cuda' || options.batching !== undefined,
  } = options;
  const { detector, binThreshold, boxThreshold, unclipRatio } = weights;
  const open = (bytes: Uint8Array) => (count: number) => loadModel(bytes, { provider, deviceId, threads: count });
  const load = (bytes: Uint8Array) => open(bytes)(threads);
  const isSwitching = loneThreads > threads && provider === 'cpu';
  return {
    detector: isSwitching
      ? await SwitchingModel.open({ busy: threads, lone: loneThreads }, open(detector))
      : await load(detector),
    // These alone, or the files of the networks would stay in memory beside the networks.
    boxes: { binThreshold, boxThreshold, unclipRatio },
    wholePages,
    maxRunArea: wholePages ? maxWholeArea : maxRunAreas[options.model],
    workingScale: workingScales[options.model],
    classifier: { model: await load(weights.classifier), threshold: weights.classifierThreshold },
    recognizer: {
      model: await load(weights.recognizer),
      characters: weights.characters,
      widthStep,
      minWidth: minWidths[options.model],
    },
  };
}

function mapModels(networks: Networks, change: (model: Model, role: ModelRole) => Model): Networks {
  const { detector, classifier, recognizer } = networks;
  return {
    ...networks,
    detector: change(detector, 'detector'),
    classifier: { ...classifier, model: change(classifier.model, 'classifier') },
    recognizer: { ...recognizer, model: change(recognizer.model, 'recognizer') },
  };
}
