import { EngineError } from '../engine-error.ts';
import { bakedModelsDir } from '../manifest.ts';
import { usablePrecision } from '../precision.ts';
import {
  type BatchLimits,
  type BatchReport,
  defaultImageLimits,
  type ImageLimits,
  type ModelName,
  type PageResult,
  type PictureFormat,
  type Precision,
  type Provider,
} from '../types.ts';
import { EngineDied, EngineProcess } from './engine-process.ts';
import { LineExchange } from './line-exchange.ts';
import { PageLine } from './page-line.ts';
import { pagesPerProcess } from './pages-per-process.ts';
import { maxThreads } from './usable-engines.ts';

// This entry loads neither ONNX Runtime nor the image library: processes that only own a pool stay small.
export { EngineError, type EngineErrorCode, engineErrorCodes } from '../engine-error.ts';
export {
  type BatchLimits,
  type BatchReport,
  type Line,
  type ModelName,
  modelNames,
  type PagePictures,
  type PageResult,
  pictureSides,
  type Precision,
  precisions,
  type Provider,
  providers,
  type Quad,
} from '../types.ts';
export { listModelFiles, type ModelFile } from '../manifest.ts';
export { type PrecisionChoice, usablePrecision } from '../precision.ts';
export { engineEnvironment, engineFlags } from './engine-process.ts';
export { pagesPerProcess } from './pages-per-process.ts';
export { type Machine, readMachine } from './machine.ts';
export { type EngineFit, fitEngines } from './usable-engines.ts';

export interface EnginePoolOptions {
  /** Engine processes; on a CPU one per core that may be used, with CUDA one per GPU: the first sees to GPU 0, and so on. */
  readonly processes: number;
  /** Threads inside one operator of a process: more than 1 where there are more cores than processes; 1 if not said. */
  readonly threads?: number;
  readonly model: ModelName;
  readonly modelsDir?: string;
  readonly provider?: Provider;
  /** `auto` if not said: `int8` on a CPU that has instructions for it, else `fp32`. With CUDA it is always `fp32`. */
  readonly precision?: Precision;
  /**
   * Merges what the pages of one process ask of a network. Each process then has several pages in hand: those of the
   * batch that runs, and as many that are being decoded and cut meanwhile. Off if not said, with one page a process.
   */
  readonly batching?: BatchLimits | undefined;
  /** Bounds the batches so that an engine stays within so many bytes of its GPU. */
  readonly gpuMemoryLimitBytes?: number | undefined;
  /** GPUs that the processes may see, as CUDA_VISIBLE_DEVICES names them; all if not said. */
  readonly visibleDevices?: string | undefined;
  /** Lines are padded to a multiple of so many columns; 16 on a CPU and 32 on a GPU if not said. */
  readonly widthStep?: number | undefined;
  /** For so long at most usual shapes are tried before a process is ready; 60 s on a GPU, none on a CPU if not said. */
  readonly warmUpMs?: number | undefined;
  readonly limits?: ImageLimits;
  /** Lines with less confidence are left out, 0..1; 0.5 by default. */
  readonly minConfidence?: number;
  /** A page that takes longer in an engine is stopped; time spent waiting for an engine does not count. */
  readonly pageTimeoutMs: number;
  /** A process whose resident memory is above this after a page is replaced. */
  readonly memoryLimitBytes: number;
  readonly onEvent?: (event: PoolEvent) => void;
  /** Told of each batch that a network was given, in bursts. */
  readonly onBatch?: (batch: BatchReport) => void;
}

export interface PoolEvent {
  readonly type: 'process_started' | 'process_exited' | 'process_recycled' | 'page_retried' | 'page_poisoned';
  readonly pid?: number | undefined;
  /** A signal, `exit N`, `page_timeout`, `cancel_timeout`, `memory`, `protocol` … */
  readonly reason?: string;
}

export interface PoolStats {
  /** Processes without a page; those that start count as busy. */
  readonly idle: number;
  readonly busy: number;
  readonly waiting: number;
  /** Processes without a page that read lines of another's page; they count as idle. */
  readonly helpingPids: readonly number[];
  /** Lines that were read by another process than that of their page. */
  readonly helpedLines: number;
  readonly pids: readonly number[];
  /** How often a process was replaced, by reason. */
  readonly restarts: Readonly<Record<string, number>>;
  readonly rssBytes: readonly number[];
  /** Processor time of all processes, past ones included. */
  readonly cpuSeconds: number;
}

export interface ReadOptions {
  /** Also gives the page as pictures for people; none if not said. */
  readonly pictures?: PictureFormat | undefined;
  readonly signal?: AbortSignal;
  /** Called when an engine takes the page, again if it is retried. */
  readonly onStart?: () => void;
}

export interface EnginePool {
  /** Engine processes. */
  readonly size: number;
  /** Pages that all of them may have in hand at the same time. */
  readonly capacity: number;
  readonly pagesInHand: number;
  /**
   * Reads one encoded image in the next process that has room, in order of arrival. A page whose process dies or overruns
   * its deadline while it is read is tried once more, in a process that has no other page meanwhile: so the pages that
   * were in hand with a bad one are all read, and only that one dies twice.
   *
   * While no page waits, processes without a page read lines of those in hand: one page alone is read by all of them,
   * and when there are pages enough each process sees to its own. So do the threads of its detector. The result is the same. A helper's death costs its
   * lines time, since their page's own process reads them; that page is helped no more. Nothing of this where pages are
   * batched, nor for a page that is read alone.
   *
   * Rejects with `EngineError`: `image_unsupported`, `image_unreadable`, `image_too_large`, `poison_image`,
   * `engine_failed`, `aborted`.
   */
  recognize(bytes: Uint8Array, options?: ReadOptions): Promise<PageResult>;
  stats(): PoolStats;
  /** Pages that are waiting or being read reject with `aborted`. */
  close(): Promise<void>;
}

/** A page in whose hands so many processes died is poison. */
const maxDeathsDuringPage = 2;

/** Deaths between two pages say nothing about the next one, but a page is not tried for ever. */
const maxTries = 10;

/** Pauses before a process is started again that did not even get ready. */
const restartDelaysMs = [100, 500, 2_000];
const longestRestartDelayMs = 10_000;

/**
 * Starts engine processes and resolves when all have loaded their models.
 *
 * Rejects with `EngineError` `model_mismatch`, `provider_unavailable` or `engine_failed`.
 */
export async function createEnginePool(options: EnginePoolOptions): Promise<EnginePool> {
  const pool = new ForkedEnginePool(options);
  try {
    await pool.start();
  } catch (error) {
    await pool.close();
    throw error;
  }
  return pool;
}

class ForkedEnginePool implements EnginePool {
  readonly size: number;
  readonly capacity: number;
  private readonly options: EnginePoolOptions;
  private readonly engines = new Set<EngineProcess>();
  private readonly line = new PageLine<EngineProcess>();
  private readonly exchange = new LineExchange(() => this.helpers());
  private readonly restarts: Record<string, number> = {};
  private pastCpuSeconds = 0;
  private failedStarts = 0;
  private isClosed = false;

  constructor(options: EnginePoolOptions) {
    this.options = options;
    this.size = options.processes;
    this.capacity = this.size * pagesPerProcess(options.batching);
  }

  get pagesInHand(): number {
    return [...this.engines].reduce((sum, engine) => sum + engine.pagesInHand, 0);
  }

  async start(): Promise<void> {
    const engines = Array.from({ length: this.size }, () => this.launch());
    await Promise.all(engines.map((engine) => engine.ready));
  }

  async recognize(bytes: Uint8Array, options: ReadOptions = {}): Promise<PageResult> {
    let deathsDuringPage = 0;
    let deathsFromOutside = 0;
    for (let tries = 1; ; tries++) {
      try {
        const isSuspect = deathsDuringPage > 0;
        // Should drawing have been what ended the process, the page is still read.
        const attempt = isSuspect ? { ...options, pictures: undefined } : options;
        return await this.attempt(bytes, { ...attempt, alone: isSuspect });
      } catch (error) {
        if (!(error instanceof EngineDied)) throw error;
        if (this.isClosed) throw new EngineError('aborted', 'The pool was closed', { cause: error });
        if (error.duringPage) {
          deathsDuringPage++;
          if (error.isFromOutside) deathsFromOutside++;
        }
        if (deathsDuringPage === maxDeathsDuringPage) {
          this.emit({ type: 'page_poisoned', reason: error.message });
          const retryable = deathsFromOutside > 0;
          throw new EngineError('poison_image', 'The engine failed on this image twice', { cause: error, retryable });
        }
        if (tries === maxTries) throw new EngineError('engine_failed', 'No engine stays alive', { cause: error });
        this.emit({ type: 'page_retried', reason: error.message });
      }
    }
  }

  stats(): PoolStats {
    const engines = [...this.engines];
    const idle = this.line.takers.filter((engine) => engine.pagesInHand === 0).length;
    return {
      idle,
      busy: engines.length - idle,
      waiting: this.line.waiting,
      helpingPids: engines.flatMap(({ pid, isHelping }) => (isHelping && pid !== undefined ? [pid] : [])),
      helpedLines: this.exchange.linesRead,
      pids: engines.flatMap(({ pid }) => (pid === undefined ? [] : [pid])),
      restarts: { ...this.restarts },
      rssBytes: engines.map((engine) => engine.rssBytes),
      cpuSeconds: engines.reduce((sum, engine) => sum + engine.cpuSeconds, this.pastCpuSeconds),
    };
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.line.close(new EngineError('aborted', 'The pool was closed'));
    const exits = [...this.engines].map((engine) => engine.exited);
    for (const engine of this.engines) engine.kill('closed');
    await Promise.all(exits);
  }

  private async attempt(
    bytes: Uint8Array,
    { signal, onStart, pictures, alone }: ReadOptions & { readonly alone: boolean },
  ): Promise<PageResult> {
    if (this.isClosed || signal?.aborted === true) throw new EngineError('aborted', 'Reading was stopped');
    const isShared = !alone && this.size > 1 && this.options.batching === undefined;
    const reading = this.line.wait({
      alone,
      signal,
      stopped: () => new EngineError('aborted', 'Reading was stopped'),
      begin: (engine) => {
        onStart?.();
        const isLone = this.line.waiting === 0 && this.pagesInHand === 0;
        return engine.read(bytes, { alone, isShared, isLone, pictures, signal });
      },
    });
    this.exchange.balance();
    return reading;
  }

  /** Processes without a page; none while pages wait for one. */
  private helpers(): EngineProcess[] {
    if (this.isClosed || this.line.waiting > 0) return [];
    return this.line.takers.filter((engine) => engine.hasRoom({ alone: true }));
  }

  /** After a page: a process that has grown too large takes no more pages, and is replaced once it has none. */
  private afterPage(engine: EngineProcess): void {
    if (!this.engines.has(engine)) return;
    if (engine.rssBytes > this.options.memoryLimitBytes && this.line.leave(engine)) {
      this.emit({ type: 'process_recycled', pid: engine.pid, reason: 'memory' });
    }
    if (this.line.takers.includes(engine)) this.line.offer(engine);
    else if (engine.pagesInHand === 0) engine.kill('memory');
    this.exchange.balance();
  }

  private launch(): EngineProcess {
    const { model, modelsDir = bakedModelsDir, provider = 'cpu', batching, gpuMemoryLimitBytes } = this.options;
    const { limits = defaultImageLimits, minConfidence = 0.5, widthStep, warmUpMs, visibleDevices } = this.options;
    const { precision } = usablePrecision(this.options.precision ?? 'auto', provider);
    const deviceId = this.freeDevice();
    const { threads = 1 } = this.options;
    const loneThreads = batching === undefined ? Math.min(maxThreads, this.size * threads) : threads;
    const about = {
      threads,
      loneThreads,
      deviceId,
      batching,
      gpuMemoryLimitBytes,
      widthStep,
      warmUpMs,
      limits,
      minConfidence,
    };
    const engine = new EngineProcess({
      options: { model, modelsDir, provider, precision, ...about },
      capacity: pagesPerProcess(batching),
      visibleDevices,
      onRoom: () => this.afterPage(engine),
      onBatch: (batch) => this.options.onBatch?.(batch),
      exchange: this.exchange,
      pageTimeoutMs: this.options.pageTimeoutMs,
    });
    this.engines.add(engine);
    void engine.exited.then((reason) => this.replace(engine, reason));
    engine.ready.then(
      () => {
        this.failedStarts = 0;
        this.emit({ type: 'process_started', pid: engine.pid });
        this.line.offer(engine);
        this.exchange.balance();
      },
      () => this.failedStarts++,
    );
    return engine;
  }

  /** Each process has a device of its own, also when it comes in the place of another. */
  private freeDevice(): number {
    const taken = new Set([...this.engines].map((engine) => engine.deviceId));
    let device = 0;
    while (taken.has(device)) device++;
    return device;
  }

  private replace(engine: EngineProcess, reason: string): void {
    this.engines.delete(engine);
    this.line.leave(engine);
    this.exchange.balance();
    this.pastCpuSeconds += engine.cpuSeconds;
    if (this.isClosed) return;
    this.restarts[reason] = (this.restarts[reason] ?? 0) + 1;
    this.emit({ type: 'process_exited', pid: engine.pid, reason });
    const delayMs = this.failedStarts === 0 ? 0 : (restartDelaysMs[this.failedStarts - 1] ?? longestRestartDelayMs);
    setTimeout(() => {
      if (!this.isClosed) this.launch();
    }, delayMs);
  }

  private emit(event: PoolEvent): void {
    this.options.onEvent?.(event);
  }
}
