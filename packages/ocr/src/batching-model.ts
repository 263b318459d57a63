import { EngineError } from './engine-error.ts';
import type { Model, RunOptions, Tensor } from './model.ts';
import type { BatchLimits } from './types.ts';

export interface BatchingOptions extends BatchLimits {
  /** Pixels (H × W) of all inputs of a batch together; an input that has more by itself runs alone. */
  readonly maxBatchPixels?: number | undefined;
  /** Told of each batch before it runs. */
  readonly onBatch?: (batch: { readonly size: number; readonly fill: number }) => void;
}

interface Call {
  readonly input: Tensor;
  readonly filled: number;
  /** By performance.now(). */
  readonly since: number;
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls that wait, of one shape each; they may share a batch. */
type Queue = Call[];

/**
 * A `Model` that merges calls into batches, so that those who call need not know of each other. Inputs and outputs are
 * those of one item ([1, …]).
 *
 * Only inputs of exactly the same shape share a batch: nothing is padded, so that an item is computed from the same
 * numbers in company and alone. A queue is due when it holds a full batch or its first call has waited
 * `maxQueueDelayMs`; batches run one at a time, and of several queues that are due the one goes whose first call has
 * waited longest. Batches have a power of two of items, or as many as a full one: a GPU sets up each new shape, which
 * takes longer than running it.
 *
 * When a batch fails, its items are run again one by one, and only those fail that fail alone.
 */
export class BatchingModel implements Model {
  readonly #model: Model;
  readonly #options: BatchingOptions;
  readonly #queues = new Map<string, Queue>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(model: Model, options: BatchingOptions) {
    this.#model = model;
    this.#options = options;
  }

  get wantedCalls(): number {
    return this.#options.maxBatchSize;
  }

  /** Rejects with what the model threw, with the signal's reason, or with `aborted` when the model is closed. */
  run(input: Tensor, { signal, filled = 1 }: RunOptions = {}): Promise<readonly Tensor[]> {
    if (this.#isClosed) return Promise.reject(closed());
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const { promise, resolve, reject } = Promise.withResolvers<readonly Tensor[]>();
    const key = input.dims.join();
    const queue = this.#queues.get(key) ?? [];
    this.#queues.set(key, queue);
    const call: Call = { input, filled, since: performance.now(), resolve, reject };
    const leave = (): void => {
      const at = queue.indexOf(call);
      if (at < 0) return;
      queue.splice(at, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    queue.push(call);
    this.#dispatch();
    return promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  /** Calls that wait reject with `aborted`; the batch that runs ends first. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const queue of this.#queues.values()) for (const call of queue.splice(0)) call.reject(closed());
    await this.#running;
    await this.#model.close();
  }

  #dispatch(): void {
    clearTimeout(this.#timer);
    if (this.#running !== undefined || this.#isClosed) return;
    const now = performance.now();
    let next: { readonly queue: Queue; readonly since: number } | undefined;
    let soonest = Infinity;
    for (const [key, queue] of this.#queues) {
      const [first] = queue;
      if (first === undefined) {
        this.#queues.delete(key);
        continue;
      }
      const dueAt = queue.length >= this.#fullSize(first.input) ? now : first.since + this.#options.maxQueueDelayMs;
      soonest = Math.min(soonest, dueAt);
      if (dueAt <= now && (next === undefined || first.since < next.since)) next = { queue, since: first.since };
    }
    if (next !== undefined) this.#running = this.#runNext(next.queue);
    else if (soonest < Infinity) this.#timer = setTimeout(() => this.#dispatch(), Math.ceil(soonest - now));
  }

  async #runNext(queue: Queue): Promise<void> {
    const [first] = queue;
    if (first !== undefined)
      await this.#runBatch(queue.splice(0, batchSize(queue.length, this.#fullSize(first.input))));
    // Who got an answer goes on first, and may have the next call ready for the next batch.
    setImmediate(() => {
      this.#running = undefined;
      this.#dispatch();
    });
  }

  /** Items of a full batch of inputs like this one. */
  #fullSize({ dims }: Tensor): number {
    const { maxBatchSize, maxBatchPixels = Infinity } = this.#options;
    const [height = 1, width = 1] = dims.slice(-2);
    return Math.max(1, Math.min(maxBatchSize, Math.floor(maxBatchPixels / (height * width))));
  }

  async #runBatch(calls: readonly Call[]): Promise<void> {
    const fill = calls.reduce((sum, { filled }) => sum + filled, 0) / calls.length;
    this.#options.onBatch?.({ size: calls.length, fill: Math.min(1, fill) });
    try {
      const outputs = await this.#model.run(join(calls.map(({ input }) => input)));
      const answers = calls.map((_, item) => outputs.map((output) => takeItem(output, item, calls.length)));
      for (const [item, call] of calls.entries()) call.resolve(answers[item] ?? []);
    } catch (error) {
      const [only] = calls;
      if (calls.length === 1) only?.reject(error);
      else for (const call of calls) await this.#runBatch([call]);
    }
  }
}

/** The largest power of two that `waiting` holds, unless a full batch waits. */
function batchSize(waiting: number, full: number): number {
  return waiting >= full ? full : 2 ** Math.floor(Math.log2(waiting));
}

/** Inputs of one shape, [1, …] each, as [n, …]. */
function join(inputs: readonly Tensor[]): Tensor {
  const [first] = inputs;
  if (first === undefined || inputs.length === 1) return first ?? { data: new Float32Array(), dims: [0] };
  const size = first.data.length;
  const data = new Float32Array(size * inputs.length);
  for (const [item, input] of inputs.entries()) data.set(input.data, item * size);
  return { data, dims: [inputs.length, ...first.dims.slice(1)] };
}

/** One item of an output [n, …], as [1, …], in the same memory. */
function takeItem({ data, dims }: Tensor, item: number, items: number): Tensor {
  if (dims[0] !== items) throw new EngineError('engine_failed', 'A model does not keep the items of a batch apart');
  const size = data.length / items;
  return { data: data.subarray(item * size, (item + 1) * size), dims: [1, ...dims.slice(1)] };
}

function closed(): EngineError {
  return new EngineError('aborted', 'The model was closed');
}
