import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { EngineError } from './engine-error.ts';
import type { Provider } from './types.ts';

/** A dense array with its shape, outermost dimension first. */
export interface Tensor {
  readonly data: Float32Array | Int32Array;
  readonly dims: readonly number[];
}

/** What a stage needs of a network: tensors in, tensors out. Tests hand the stages fakes of this. */
export interface Model {
  /** One float32 input; the outputs in the order of the graph. */
  run(input: Tensor): Promise<readonly Tensor[]>;
  close(): Promise<void>;
}

export interface ModelOptions {
  readonly provider: Provider;
  /** Threads inside one operator. 1 where each core has an engine of its own. */
  readonly threads: number;
}

/**
 * Loads an ONNX graph from memory.
 *
 * `run` blocks the calling thread while the network runs; between two runs the event loop turns, so that a process can
 * hear a cancellation.
 *
 * Throws `EngineError` `engine_failed` when the graph does not load or the provider is missing.
 */
export async function loadModel(bytes: Uint8Array, options: ModelOptions): Promise<Model> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(bytes, sessionOptions(options));
  } catch (error) {
    throw new EngineError('engine_failed', 'A model does not load', { cause: error });
  }
  const [inputName] = session.inputNames;
  if (inputName === undefined) throw new EngineError('engine_failed', 'A model has no input');
  return {
    async run(input) {
      const feed = { [inputName]: new OrtTensor('float32', input.data as Float32Array, input.dims) };
      const outputs = await session.run(feed);
      return session.outputNames.map((name) => {
        const { data, dims } = outputs[name] as OrtTensor;
        return { data: data as Float32Array | Int32Array, dims };
      });
    },
    close: () => session.release(),
  };
}

function sessionOptions({ provider, threads }: ModelOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // Page and line sizes change all the time: a memory pattern per shape costs memory and saves no time.
    enableMemPattern: false,
    logSeverityLevel: 3,
  };
}
