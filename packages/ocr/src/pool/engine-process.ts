import { type ChildProcess, fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Crop } from '../crop.ts';
import type { Reading } from '../ctc-decode.ts';
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
import type { LineExchange, LineHelper, SharedPage } from './line-exchange.ts';
import { strippedSources } from './stripped-sources.ts';

const entry = fileURLToPath(new URL('engine-main.ts', import.meta.url));
const beforeEntry = new URL('use-stripped-sources.mjs', import.meta.url).href;

/**
 * All that a child has of an environment: no password, no address.
 *
 * glibc gives blocks of 128 KiB and more back to the kernel at once and gets them again, zeroed page by page, for the
 * next one. Keeping those of lines is faster. What holds a page's pixels goes back: kept, they leave holes in the heap that
 * nothing else fits into. What lies free at the end of the heap is kept up to 16 MiB.
 *
 * Large blocks are held in huge pages where the kernel lends them on request: networks walk through tens of megabytes
 * again and again, and then miss fewer addresses.
 */
export const engineEnvironment = {
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '2097152',
  MALLOC_TRIM_THRESHOLD_: '16777216',
};

/** MiB of young objects: a page makes few beside its large buffers, and is collected after; V8 would take 16. */
export const engineFlags = ['--expose-gc', '--max-semi-space-size=1'];

/** A page that stops on request answers within this time, else its process is killed. */
const cancelGraceMs = 800;

/** Loading the weights takes well under a second; a machine that is busy with something else gets some patience. */
const startTimeoutMs = 60_000;

/**
 * A helper that reads one chunk of lines (some 30 ms) for longer than this stands still; but no page that it is given
 * meanwhile is to run into its own deadline for that, so that half of the deadline counts where it is shorter.
 */
const linesTimeoutMs = 10_000;

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
  /** A page has left, however it ended, or lines were read: there is room for another page. */
  readonly onRoom: () => void;
  readonly onBatch: (batch: BatchReport) => void;
  /** Where its pages' lines find helpers. */
  readonly exchange: LineExchange;
  /** A page that takes longer is stopped. */
  readonly pageTimeoutMs: number;
}

interface PageOptions {
  /** No other page is in hand meanwhile. */
  readonly alone: boolean;
  /** Others may read lines of it. */
  readonly isShared: boolean;
  /** No other process has a page. */
  readonly isLone: boolean;
  readonly pictures: PictureFormat | undefined;
  readonly signal: AbortSignal | undefined;
}

interface Page {
  readonly id: number;
  readonly alone: boolean;
  isStarted: boolean;
  hasOverrun: boolean;
  readonly isShared: boolean;
  /** From when its lines are found. */
  shared: SharedPage | undefined;
  readonly pictures: PictureFormat | undefined;
  readonly resolve: (result: PageResult) => void;
  readonly reject: (error: Error) => void;
  /** Ends its timers and its interest in the caller's signal. */
  readonly settle: () => void;
}

interface Lines {
  readonly count: number;
  readonly resolve: (readings: readonly Reading[]) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * One child process with one engine.
 *
 *     starting ── ready ──▶ idle ◀── answers ── busy
 *        │                   │  ──  read()  ──▶  │
 *        └───────────────────┴── exit, kill ─────┴──▶ gone
 *
 * While it is idle it may read lines of a page that another process has in hand. A page that comes meanwhile is begun
 * when the current line is read.
 *
 * A process that says anything it should not is killed: it parses hostile input, and a reply that does not fit the
 * protocol means that somebody else is talking.
 */
export class EngineProcess implements LineHelper {
  readonly ready: Promise<void>;
  /** Resolves with the reason when the process is gone; whoever owns it starts another. */
  readonly exited: Promise<string>;
  readonly deviceId: number;
  rssBytes = 0;
  cpuSeconds = 0;
  private readonly setup: EngineProcessSetup;
  private readonly child: ChildProcess;
  private readonly pages = new Map<number, Page>();
  private lines: Lines | undefined;
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
      execArgv: [
        ...permissions(options.modelsDir),
        ...profilerFlags(process.execArgv),
        ...engineFlags,
        '--disable-warning=SecurityWarning',
        `--import=${beforeEntry}`,
      ],
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
      this.loseAll(reason);
      exited.resolve(this.killReason ?? reason);
    };
    this.child.once('exit', (code, signal) => gone(signal ?? `exit ${code}`));
    this.child.once('error', () => gone('spawn'));
    this.ready.then(
      () => clearTimeout(startTimer),
      () => this.kill('start_failed'),
    );
    this.preferForOutOfMemoryKill();
    // The child comes up meanwhile.
    this.send(strippedSources());
    this.send({ type: 'start', options });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Pages that it has been given and not answered yet, those included that nobody waits for any more. */
  get pagesInHand(): number {
    return this.pages.size;
  }

  get isHelping(): boolean {
    return this.lines !== undefined;
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
  read(bytes: Uint8Array, { alone, isShared, isLone, pictures, signal }: PageOptions): Promise<PageResult> {
    if (signal?.aborted === true) return Promise.reject(new EngineError('aborted', 'Reading was stopped'));
    if (!this.hasRoom({ alone })) return Promise.reject(new EngineDied('unavailable', false));
    const id = ++this.lastId;
    const { promise, resolve, reject } = Promise.withResolvers<PageResult>();
    const overrun = setTimeout(() => {
      page.hasOverrun = true;
      this.kill('page_timeout');
    }, this.setup.pageTimeoutMs);
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
      page.shared?.close();
    };
    const state = { isStarted: false, hasOverrun: false, shared: undefined };
    const page: Page = { id, alone, isShared, pictures, resolve, reject, settle, ...state };
    this.pages.set(id, page);
    signal?.addEventListener('abort', cancel, { once: true });
    this.send({ type: 'page', id, bytes, pictures, isShared, isLone });
    return promise.catch((error: unknown) => {
      // Whatever a canceled page ended with, nobody wants it.
      if (isCanceled) throw new EngineError('aborted', 'Reading was stopped', { cause: error });
      throw error;
    });
  }

  /**
   * Reads lines of another process' page, for as long as no page of its own comes: fewer readings than crops are those of
   * the first ones. Rejects with `EngineDied` when the process ended, or did not answer and was killed.
   */
  readLines(crops: readonly Crop[]): Promise<readonly Reading[]> {
    if (this.isHelping || !this.hasRoom({ alone: true })) return Promise.reject(new EngineDied('unavailable', false));
    const { promise, resolve, reject } = Promise.withResolvers<readonly Reading[]>();
    const timeoutMs = Math.min(linesTimeoutMs, this.setup.pageTimeoutMs / 2);
    const timer = setTimeout(() => this.kill('lines_timeout'), timeoutMs);
    this.lines = { count: crops.length, resolve, reject, timer };
    this.send({ type: 'lines', crops });
    return promise;
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

  private loseAll(reason: string): void {
    for (const page of this.pages.values()) {
      page.settle();
      page.reject(new EngineDied(this.killReason ?? reason, page.isStarted || page.hasOverrun));
    }
    this.pages.clear();
    clearTimeout(this.lines?.timer);
    this.lines?.reject(new EngineDied(this.killReason ?? reason, false));
    this.lines = undefined;
  }

  private receive(message: FromEngine): void {
    switch (message.type) {
      case 'start_failed':
        return;
      case 'started':
        return this.noteStart(message.id);
      case 'ready':
        return this.noteUsage(message.usage);
      case 'help_wanted':
      case 'lines':
      case 'no_lines':
        return this.shareLines(message);
      case 'readings':
        this.noteUsage(message.usage);
        return this.endLines(message.readings);
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

  private shareLines(message: Extract<FromEngine, { type: 'help_wanted' | 'lines' | 'no_lines' }>): void {
    const { id } = message;
    const page = this.pages.get(id);
    if (page?.isShared !== true || (page.shared === undefined) !== (message.type === 'help_wanted')) {
      return this.kill('protocol');
    }
    switch (message.type) {
      case 'help_wanted':
        page.shared = this.setup.exchange.open({
          grant: (chunks, helpers) => this.send({ type: 'help', id, chunks, helpers }),
          answer: (chunk, readings) => this.send({ type: 'readings', id, chunk, readings }),
        });
        return;
      case 'lines':
        if (page.shared?.add(message) !== true) this.kill('protocol');
        return;
      case 'no_lines':
        return page.shared?.endHandingOut();
    }
  }

  private endLines(readings: readonly Reading[]): void {
    const { lines } = this;
    if (lines === undefined || readings.length > lines.count) return this.kill('protocol');
    clearTimeout(lines.timer);
    this.lines = undefined;
    lines.resolve(readings);
    this.setup.onRoom();
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

  private send(message: ToEngine | ReadonlyMap<string, string>): void {
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

/**
 * Names for what `perf` samples: asked for of this process, they are wanted of its engines, too, which have no NODE_OPTIONS.
 * Node's own profilers (--cpu-prof) may not write here, and a process that is killed would not.
 */
function profilerFlags(flags: readonly string[]): string[] {
  return flags.filter((flag) => flag.startsWith('--perf-') || flag === '--interpreted-frames-native-stack');
}
