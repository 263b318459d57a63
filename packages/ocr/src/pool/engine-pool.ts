import { EngineError } from '../engine-error.ts';
import { bakedModelsDir } from '../manifest.ts';
import { defaultImageLimits, type ImageLimits, type ModelName, type PageResult, type Provider } from '../types.ts';
import { EngineDied, EngineProcess } from './engine-process.ts';

// This entry loads neither ONNX Runtime nor the image library: processes that only own a pool stay small.
export { EngineError, type EngineErrorCode, engineErrorCodes } from '../engine-error.ts';
export { type Line, type ModelName, modelNames, type PageResult, type Quad } from '../types.ts';
export { usableCores } from './usable-cores.ts';

export interface EnginePoolOptions {
  /** Engine processes; on a CPU one per core that may be used. */
  readonly processes: number;
  readonly model: ModelName;
  readonly modelsDir?: string;
  readonly provider?: Provider;
  readonly limits?: ImageLimits;
  /** Lines with less confidence are left out, 0..1; 0.5 by default. */
  readonly minConfidence?: number;
  /** A page that takes longer in an engine is stopped; time spent waiting for an engine does not count. */
  readonly pageTimeoutMs: number;
  /** A process whose resident memory is above this after a page is replaced. */
  readonly memoryLimitBytes: number;
  readonly onEvent?: (event: PoolEvent) => void;
}

export interface PoolEvent {
  readonly type: 'process_started' | 'process_exited' | 'process_recycled' | 'page_retried' | 'page_poisoned';
  readonly pid?: number | undefined;
  /** A signal, `exit N`, `page_timeout`, `cancel_timeout`, `memory`, `protocol` … */
  readonly reason?: string;
}

export interface PoolStats {
  readonly idle: number;
  readonly busy: number;
  readonly waiting: number;
  readonly pids: readonly number[];
  /** How often a process was replaced, by reason. */
  readonly restarts: Readonly<Record<string, number>>;
  readonly rssBytes: readonly number[];
  /** Processor time of all processes, past ones included. */
  readonly cpuSeconds: number;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Called when an engine takes the page, again if it is retried. */
  readonly onStart?: () => void;
}

export interface EnginePool {
  readonly size: number;
  /**
   * Reads one encoded image in the next idle process, in order of arrival. A page whose process dies or overruns its
   * deadline while it is read is tried once more; no other page is affected.
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
 * Rejects with `EngineError` `model_mismatch` or `engine_failed`.
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

interface Waiter {
  readonly resolve: (engine: EngineProcess) => void;
  readonly reject: (error: Error) => void;
}

class ForkedEnginePool implements EnginePool {
  readonly size: number;
  private readonly options: EnginePoolOptions;
  private readonly engines = new Set<EngineProcess>();
  private readonly idle: EngineProcess[] = [];
  private readonly waiters: Waiter[] = [];
  private readonly restarts: Record<string, number> = {};
  private pastCpuSeconds = 0;
  private failedStarts = 0;
  private isClosed = false;

  constructor(options: EnginePoolOptions) {
    this.options = options;
    this.size = options.processes;
  }

  async start(): Promise<void> {
    const engines = Array.from({ length: this.size }, () => this.launch());
    await Promise.all(engines.map((engine) => engine.ready));
  }

  async recognize(bytes: Uint8Array, options: ReadOptions = {}): Promise<PageResult> {
    let deathsDuringPage = 0;
    for (let tries = 1; ; tries++) {
      try {
        return await this.attempt(bytes, options);
      } catch (error) {
        if (!(error instanceof EngineDied)) throw error;
        if (this.isClosed) throw new EngineError('aborted', 'The pool was closed', { cause: error });
        if (error.duringPage) deathsDuringPage++;
        if (deathsDuringPage === maxDeathsDuringPage) {
          this.emit({ type: 'page_poisoned', reason: error.message });
          throw new EngineError('poison_image', 'The engine failed on this image twice', { cause: error });
        }
        if (tries === maxTries) throw new EngineError('engine_failed', 'No engine stays alive', { cause: error });
        this.emit({ type: 'page_retried', reason: error.message });
      }
    }
  }

  stats(): PoolStats {
    const engines = [...this.engines];
    return {
      idle: this.idle.length,
      busy: engines.length - this.idle.length,
      waiting: this.waiters.length,
      pids: engines.flatMap(({ pid }) => (pid === undefined ? [] : [pid])),
      restarts: { ...this.restarts },
      rssBytes: engines.map((engine) => engine.rssBytes),
      cpuSeconds: engines.reduce((sum, engine) => sum + engine.cpuSeconds, this.pastCpuSeconds),
    };
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const waiter of this.waiters.splice(0)) waiter.reject(new EngineError('aborted', 'The pool was closed'));
    const exits = [...this.engines].map((engine) => engine.exited);
    for (const engine of this.engines) engine.kill('closed');
    await Promise.all(exits);
  }

  private async attempt(bytes: Uint8Array, { signal, onStart }: ReadOptions): Promise<PageResult> {
    const engine = await this.acquire(signal);
    try {
      onStart?.();
      return await engine.read(bytes, this.options.pageTimeoutMs, signal);
    } finally {
      this.release(engine);
    }
  }

  /** Waits for an idle process, first come, first served. */
  private acquire(signal: AbortSignal | undefined): Promise<EngineProcess> {
    if (this.isClosed || signal?.aborted === true) {
      return Promise.reject(new EngineError('aborted', 'Reading was stopped'));
    }
    const engine = this.idle.shift();
    if (engine !== undefined) return Promise.resolve(engine);
    const { promise, resolve, reject } = Promise.withResolvers<EngineProcess>();
    const leave = (): void => {
      this.waiters.splice(this.waiters.indexOf(waiter), 1);
      reject(new EngineError('aborted', 'Reading was stopped'));
    };
    const waiter: Waiter = {
      resolve(idle) {
        signal?.removeEventListener('abort', leave);
        resolve(idle);
      },
      reject,
    };
    signal?.addEventListener('abort', leave, { once: true });
    this.waiters.push(waiter);
    return promise;
  }

  /** After a page: a process that has grown too large is replaced, one that is gone needs nothing. */
  private release(engine: EngineProcess): void {
    if (!this.engines.has(engine)) return;
    if (engine.rssBytes > this.options.memoryLimitBytes) {
      this.emit({ type: 'process_recycled', pid: engine.pid, reason: 'memory' });
      engine.kill('memory');
    } else this.offer(engine);
  }

  private offer(engine: EngineProcess): void {
    const waiter = this.waiters.shift();
    if (waiter === undefined) this.idle.push(engine);
    else waiter.resolve(engine);
  }

  private launch(): EngineProcess {
    const { model, modelsDir = bakedModelsDir, provider = 'cpu' } = this.options;
    const { limits = defaultImageLimits, minConfidence = 0.5 } = this.options;
    const engine = new EngineProcess({ model, modelsDir, provider, limits, minConfidence });
    this.engines.add(engine);
    void engine.exited.then((reason) => this.replace(engine, reason));
    engine.ready.then(
      () => {
        this.failedStarts = 0;
        this.emit({ type: 'process_started', pid: engine.pid });
        this.offer(engine);
      },
      () => this.failedStarts++,
    );
    return engine;
  }

  private replace(engine: EngineProcess, reason: string): void {
    this.engines.delete(engine);
    const at = this.idle.indexOf(engine);
    if (at >= 0) this.idle.splice(at, 1);
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
