import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { EngineError } from './engine-error.ts';
import type { Provider } from './types.ts';

// ONNX Runtime 1.30 reports its use to its maker unless this is set before its first session. Nothing is read from the
// environment here; there is no other way to tell a native library.
// oxlint-disable-next-line node/no-process-env
process.env['ORT_DISABLE_TELEMETRY'] = '1';

/** A dense array with its shape, outermost dimension first. */
export interface Tensor {
  readonly data: Float32Array | Int32Array;
  readonly dims: readonly number[];
}

export interface RunOptions {
  /** A call that still waits for its turn rejects with the signal's reason; one that runs already goes on. */
  readonly signal?: AbortSignal | undefined;
  /** The share of the input that is no padding, 0..1; only statistics want it. 1 if not said. */
  readonly filled?: number;
}

/** What a stage needs of a network: tensors in, tensors out. Tests hand the stages fakes of this. */
export interface Model {
  /** So many calls at the same time serve it best; one after the other if not said. */
  readonly wantedCalls?: number;
  /** One float32 input, whose memory serves another call once the answer is there; the outputs in the graph's order. */
  run(input: Tensor, options?: RunOptions): Promise<readonly Tensor[]>;
  close(): Promise<void>;
}

export interface ModelOptions {
  readonly provider: Provider;
  /** Which GPU, counted from 0 among those that the process may see; the first one if not said. */
  readonly deviceId?: number;
  /** Threads inside one operator. 1 where each core has an engine of its own. */
  readonly threads: number;
}

/**
 * Loads an ONNX graph from memory.
 *
 * `run` blocks the calling thread while the network runs; between two runs the event loop turns, so that a process can
 * hear a cancellation.
 *
 * Throws `EngineError`: `provider_unavailable` when it is the provider that does not load, `engine_failed` when the graph
 * does not. A GPU that cannot be used is an error.
 */
export async function loadModel(bytes: Uint8Array, options: ModelOptions): Promise<Model> {
  const session = await openSession(bytes, options);
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

async function openSession(bytes: Uint8Array, options: ModelOptions): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, sessionOptions(options));
  } catch (error) {
    if (options.provider === 'cuda' && (await loadsOnCpu(bytes))) {
      const reason = error instanceof Error ? error.message : 'unknown';
      const needs = 'it takes an NVIDIA driver and the libraries of the worker-gpu image, see docs/gpu.md';
      throw new EngineError('provider_unavailable', `CUDA cannot be used here (${reason}): ${needs}`, { cause: error });
    }
    throw new EngineError('engine_failed', 'A model does not load', { cause: error });
  }
}

/** The runtime words its errors as it likes; whether the graph is at fault shows where nothing else can be. */
async function loadsOnCpu(bytes: Uint8Array): Promise<boolean> {
  try {
    const session = await InferenceSession.create(bytes, sessionOptions({ provider: 'cpu', threads: 1 }));
    await session.release();
    return true;
  } catch {
    return false;
  }
}

function sessionOptions({ provider, deviceId = 0, threads }: ModelOptions): InferenceSession.SessionOptions {
  return {
    // The device is all that the Node binding hands to CUDA: no memory limit, no choice of algorithms.
    executionProviders: [provider === 'cuda' ? { name: 'cuda', deviceId } : provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Threads that wait for their next part in a loop take the cores from other pages.
    ...(threads > 1 && { extra: { session: { intra_op: { allow_spinning: '0' } } } }),
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // Page and line sizes change all the time: a memory pattern per shape costs memory and saves no time.
    enableMemPattern: false,
    logSeverityLevel: 3,
  };
}
