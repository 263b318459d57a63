import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { OcrError } from '../../errors.ts';
import type { Logger } from '../../logging.ts';
import { forwardCalls, type Opened } from '../forwarded-calls.ts';
import { SchemaMismatchError } from '../migrations.ts';
import { type FromThread, receivedError, type ThreadOptions } from './thread-messages.ts';

/**
 * Node removes the types of each thread's modules with WebAssembly, and V8 13.6 compiles a wrapper of the functions that it
 * imports once they are called 1,000 times. One in some two thousand threads ended its whole process there ("Check failed:
 * jit_page_->allocations_.erase(addr)", nodejs/node#64500): threads that start later never come to that count.
 */
setFlagsFromString('--wasm-wrapper-tiering-budget=2000000000');

/** Enough for batches of a thousand jobs. */
const maxYoungMb = 8;
const restartDelayMs = 500;
const closeTimeoutMs = 5_000;
/** Longer than the thread itself waits for a lock: past this, the disk does not answer. */
const callTimeoutMs = 15_000;

export interface DatabaseThreadOptions extends ThreadOptions {
  /** Runs in the thread, and calls serveCalls. */
  readonly program: URL;
  readonly logger: Logger;
  /** In place of the clock; asked at each call. */
  readonly now: (() => number) | undefined;
}

interface Call {
  readonly timer: NodeJS.Timeout;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * A port on a SQLite database that lives in a thread of its own. A commit waits for the disk, a checkpoint, a merge of the
 * full-text index and a long search take their time, and SQLite does all of that in its caller's thread: requests must not
 * wait for it.
 */
export function createDatabaseThread<Port extends Opened, Method extends keyof Port & string>(
  methods: readonly Method[],
  options: DatabaseThreadOptions,
): Pick<Port, Method> & Opened {
  const thread = new DatabaseThread(options);
  return {
    ...forwardCalls<Port, Method>(methods, (method, args) => thread.call(method, args)),
    ready: thread.ready,
    close: () => thread.close(),
  };
}

class DatabaseThread {
  readonly ready: Promise<void>;
  readonly #options: DatabaseThreadOptions;
  readonly #calls = new Map<number, Call>();
  #worker: Worker;
  #nextId = 0;
  #isReady = false;
  #isRunning = false;
  #closed: Promise<void> | undefined;
  #settleReady: { resolve(): void; reject(error: SchemaMismatchError): void };

  constructor(options: DatabaseThreadOptions) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#settleReady = { resolve, reject };
    // Who never looks at `ready` learns of it from the calls that fail.
    promise.catch(() => undefined);
    this.#worker = this.#start();
  }

  call(method: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined || !this.#isRunning) {
        reject(new OcrError('store_unavailable', 'The job store is not open'));
        return;
      }
      this.#nextId += 1;
      const id = this.#nextId;
      this.#worker.postMessage({ kind: 'call', id, method, args, now: this.#options.now?.() });
      const timer = setTimeout(() => {
        this.#take(id)?.reject(new OcrError('store_unavailable', 'The job store does not answer'));
      }, callTimeoutMs);
      this.#calls.set(id, { resolve, reject, timer });
      this.#holdProcess();
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#isRunning) await this.#end();
    this.#settleReady.resolve();
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    const exited = once(worker, 'exit');
    worker.ref();
    worker.postMessage({ kind: 'close' });
    const timedOut = await Promise.race([exited.then(() => false), delay(closeTimeoutMs, true, { ref: false })]);
    if (timedOut) await worker.terminate();
  }

  #start(): Worker {
    const { program, url, migrate } = this.#options;
    const worker = new Worker(program, {
      workerData: { url, migrate } satisfies ThreadOptions,
      name: 'job-store',
      execArgv: [],
      // Unset, the space of young objects grows to 128 MB while the modules are loaded, and stays so.
      resourceLimits: { maxYoungGenerationSizeMb: maxYoungMb },
    });
    this.#isRunning = true;
    worker.on('message', (message: FromThread) => this.#receive(message));
    worker.on('error', (error) => this.#options.logger.error({ err: error }, 'the thread of the job store failed'));
    worker.once('exit', () => this.#ended());
    return worker;
  }

  /** A thread never ends by itself: something that nobody thought of has ended it. */
  #ended(): void {
    this.#isRunning = false;
    for (const id of this.#calls.keys()) {
      this.#take(id)?.reject(new OcrError('store_unavailable', 'The job store had to be opened again'));
    }
    if (this.#closed !== undefined) return;
    setTimeout(() => {
      if (this.#closed === undefined) this.#worker = this.#start();
    }, restartDelayMs);
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'answer':
        this.#take(message.id)?.resolve(message.value);
        break;
      case 'failure':
        this.#take(message.id)?.reject(receivedError(message.error));
        break;
      case 'ready':
        this.#isReady = true;
        this.#settleReady.resolve();
        this.#holdProcess();
        break;
      case 'mismatch':
        this.#isReady = true;
        this.#settleReady.reject(new SchemaMismatchError(message.message));
        this.#holdProcess();
        break;
      case 'log':
        this.#options.logger[message.level](message.fields, message.message);
        break;
    }
  }

  #take(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    clearTimeout(call?.timer);
    this.#holdProcess();
    return call;
  }

  /** The thread is a reason for the process to go on running only while somebody waits for it. */
  #holdProcess(): void {
    if (this.#calls.size > 0 || !this.#isReady) this.#worker.ref();
    else this.#worker.unref();
  }
}
