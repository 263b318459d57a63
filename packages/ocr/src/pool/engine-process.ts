import { type ChildProcess, fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defaultWarmUpMs } from '../warm-up-time.ts';
import { EngineError } from '../engine-error.ts';
import type { BatchReport, PageResult, PictureFormat } from '../types.ts';
import {
  type EngineProcessOptions,
  type FromEngine,
  fromEngineSchema,
  type ToEngine,
  type Usage,
} from './engine-protocol.ts';

const entry = fileURLToPath(new URL('engine-main.ts', import.meta.url));

/**
 * All that a child has of an environment: no password, no address.
 *
 * glibc gives large blocks back to the kernel at once and gets them again, zeroed page by page, for the next one.
 * Keeping those of a usual page is faster and costs nothing, since the next page wants them; larger ones (an image of
 * 40 million pixels) go back, so that one large page does not leave the process large for good.
 */
export const engineEnvironment = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '16777216',
  MALLOC_TRIM_THRESHOLD_: '134217728',
};

/** A page that stops on request answers within this time, else its process is killed. */
const cancelGraceMs = 800;

/** Loading the weights takes well under a second; a machine that is busy with something else gets some patience. */
const startTimeoutMs = 60_000;

/** How a page ended that gave no result although the engine answered nothing wrong about the image. */
export class EngineDied extends Error {
  override readonly name = 'EngineDied';
  /** Whether the page may be to blame: the process had it in its hands, or overran the page's deadline. */
  readonly duringPage: boolean;

  constructor(reason: string, duringPage: boolean) {
    super(reason);
    this.duringPage = duringPage;
  }

  /** A process never ends itself by this signal, and where the pool sends it, the pool's own reason stands here. */
  get isFromOutside(): boolean {
    return this.message === 'SIGKILL';
  }
}

export interface EngineProcessSetup {
  readonly options: EngineProcessOptions;
  /** Pages that it may have in hand at the same time. */
  readonly capacity: number;
  /** GPUs that it may see, as CUDA_VISIBLE_DEVICES names them; all if not said. */
  readonly visibleDevices?: string | undefined;
  /** A page has left, however it ended: there is room for another. */
  readonly onRoom: () => void;
  readonly onBatch: (batch: BatchReport) => void;
}

interface PageOptions {
  readonly timeoutMs: number;
  /** No other page is in hand meanwhile. */
  readonly alone: boolean;
  readonly pictures: PictureFormat | undefined;
  readonly signal: AbortSignal | undefined;
}

interface Page {
  readonly id: number;
  readonly alone: boolean;
  isStarted: boolean;
  hasOverrun: boolean;
  readonly pictures: PictureFormat | undefined;
  readonly resolve: (result: PageResult) => void;
  readonly reject: (error: Error) => void;
  /** Ends its timers and its interest in the caller's signal. */
  readonly settle: () => void;
}

/**
 * One child process with one engine.
 *
 *     starting ── ready ──▶ idle ◀── answers ── busy
 *        │                   │  ──  read()  ──▶  │
 *        └───────────────────┴── exit, kill ─────┴──▶ gone
 *
 * A process that says anything it should not is killed: it parses hostile input, and a reply that does not fit the
 * protocol means that somebody else is talking.
 */
export class EngineProcess {
  readonly ready: Promise<void>;
  /** Resolves with the reason when the process is gone; whoever owns it starts another. */
  readonly exited: Promise<string>;
  readonly deviceId: number;
  rssBytes = 0;
  cpuSeconds = 0;
  private readonly setup: EngineProcessSetup;
  private readonly child: ChildProcess;
  private readonly pages = new Map<number, Page>();
  private lastId = 0;
  private isGone = false;
  private killReason: string | undefined;

  constructor(setup: EngineProcessSetup) {
    this.setup = setup;
    const { options, visibleDevices } = setup;
    this.deviceId = options.deviceId;
    this.child = fork(entry, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...engineEnvironment, ...(visibleDevices !== undefined && { CUDA_VISIBLE_DEVICES: visibleDevices }) },
      execArgv: [...permissions(options.modelsDir), '--expose-gc', '--disable-warning=SecurityWarning'],
    });
    const started = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<string>();
    this.ready = started.promise;
    this.exited = exited.promise;
    const { warmUpMs = defaultWarmUpMs[options.provider] } = options;
    const startTimer = setTimeout(() => this.kill('start_timeout'), startTimeoutMs + 2 * warmUpMs);
    this.child.on('message', (message) => {
      const parsed = fromEngineSchema.safeParse(message);
      if (!parsed.success) return this.kill('protocol');
      if (parsed.data.type === 'ready') started.resolve();
      if (parsed.data.type === 'start_failed') {
        started.reject(new EngineError(parsed.data.error.code, parsed.data.error.message));
      }
      this.receive(parsed.data);
    });
    const gone = (reason: string): void => {
      if (this.isGone) return;
      this.isGone = true;
      clearTimeout(startTimer);
      started.reject(new EngineError('engine_failed', `An engine process did not start (${reason})`));
      this.loseAllPages(reason);
      exited.resolve(this.killReason ?? reason);
    };
    this.child.once('exit', (code, signal) => gone(signal ?? `exit ${code}`));
    this.child.once('error', () => gone('spawn'));
    this.ready.then(
      () => clearTimeout(startTimer),
      () => this.kill('start_failed'),
    );
    this.preferForOutOfMemoryKill();
    this.send({ type: 'start', options });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Pages that it has been given and not answered yet, those included that nobody waits for any more. */
  get pagesInHand(): number {
    return this.pages.size;
  }

  hasRoom({ alone }: { readonly alone: boolean }): boolean {
    if (this.isGone || this.killReason !== undefined) return false;
    if (alone) return this.pages.size === 0;
    return this.pages.size < this.setup.capacity && ![...this.pages.values()].some((page) => page.alone);
  }

  /**
   * Reads one page. Rejects with `EngineError` for what is wrong with the image and for `aborted`, with `EngineDied`
   * when the process ended or was killed (its deadline passed).
   */
  read(bytes: Uint8Array, { timeoutMs, alone, pictures, signal }: PageOptions): Promise<PageResult> {
    if (signal?.aborted === true) return Promise.reject(new EngineError('aborted', 'Reading was stopped'));
    if (!this.hasRoom({ alone })) return Promise.reject(new EngineDied('unavailable', false));
    const id = ++this.lastId;
    const { promise, resolve, reject } = Promise.withResolvers<PageResult>();
    const overrun = setTimeout(() => {
      page.hasOverrun = true;
      this.kill('page_timeout');
    }, timeoutMs);
    let grace: NodeJS.Timeout | undefined;
    let isCanceled = false;
    const cancel = (): void => {
      isCanceled = true;
      this.send({ type: 'cancel', id });
      grace = setTimeout(() => this.stopWaitingFor(page), cancelGraceMs);
    };
    const settle = (): void => {
      clearTimeout(overrun);
      clearTimeout(grace);
      signal?.removeEventListener('abort', cancel);
    };
    const page: Page = { id, alone, isStarted: false, hasOverrun: false, pictures, resolve, reject, settle };
    this.pages.set(id, page);
    signal?.addEventListener('abort', cancel, { once: true });
    this.send({ type: 'page', id, bytes, pictures });
    return promise.catch((error: unknown) => {
      // Whatever a canceled page ended with, nobody wants it.
      if (isCanceled) throw new EngineError('aborted', 'Reading was stopped', { cause: error });
      throw error;
    });
  }

  /** Ends the process at once; the pages that it holds reject with `EngineDied`. */
  kill(reason: string): void {
    this.killReason ??= reason;
    this.child.kill('SIGKILL');
  }

  /**
   * A canceled page has not ended in time. Alone it goes with its process. With neighbors it keeps its place, so that
   * they lose nothing, until it ends or runs into its deadline; who canceled it waits no longer.
   */
  private stopWaitingFor(page: Page): void {
    if (this.pages.size === 1) this.kill('cancel_timeout');
    else page.reject(new EngineError('aborted', 'Reading was stopped'));
  }

  private loseAllPages(reason: string): void {
    for (const page of this.pages.values()) {
      page.settle();
      page.reject(new EngineDied(this.killReason ?? reason, page.isStarted || page.hasOverrun));
    }
    this.pages.clear();
  }

  private receive(message: FromEngine): void {
    switch (message.type) {
      case 'start_failed':
        return;
      case 'started':
        return this.noteStart(message.id);
      case 'ready':
        return this.noteUsage(message.usage);
      case 'result':
      case 'error':
        this.noteUsage(message.usage);
        for (const batch of message.batches ?? []) this.setup.onBatch(batch);
        return this.endPage(message);
    }
  }

  private noteStart(id: number): void {
    const page = this.pages.get(id);
    if (page !== undefined) page.isStarted = true;
  }

  private noteUsage({ rssBytes, cpuSeconds }: Usage): void {
    this.rssBytes = rssBytes;
    this.cpuSeconds = cpuSeconds;
  }

  private endPage(message: Extract<FromEngine, { type: 'result' | 'error' }>): void {
    const page = this.pages.get(message.id);
    if (page === undefined) return;
    if (message.type === 'result' && message.result.pictures !== undefined && page.pictures === undefined) {
      return this.kill('protocol');
    }
    this.pages.delete(message.id);
    page.settle();
    if (message.type === 'result') page.resolve(message.result);
    else page.reject(new EngineError(message.error.code, message.error.message));
    this.setup.onRoom();
  }

  private send(message: ToEngine): void {
    // A failed send means that the process is going; its exit event tells the rest.
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  /** When memory runs out, this process should be the one that the kernel ends, and not its parent. */
  private preferForOutOfMemoryKill(): void {
    if (process.platform !== 'linux' || this.child.pid === undefined) return;
    writeFile(`/proc/${this.child.pid}/oom_score_adj`, '500').catch(() => undefined);
  }
}

/** Node's permission model: no writing, no processes, no threads, and only code and weights to be read. */
function permissions(modelsDir: string): string[] {
  const project = fileURLToPath(new URL('../../../../', import.meta.url));
  const readable = [modelsDir, ...['packages', 'node_modules', 'package.json'].map((name) => project + name)];
  return ['--permission', '--allow-addons', ...readable.map((path) => `--allow-fs-read=${path}`)];
}
