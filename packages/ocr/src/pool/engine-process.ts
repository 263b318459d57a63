import { type ChildProcess, fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../engine-error.ts';
import type { PageResult } from '../types.ts';
import { type EngineProcessOptions, type FromEngine, fromEngineSchema, type ToEngine } from './engine-protocol.ts';

const entry = fileURLToPath(new URL('engine-main.ts', import.meta.url));

/**
 * All that a child has of an environment: no password, no address.
 *
 * glibc gives large blocks back to the kernel at once and gets them again, zeroed page by page, for the next one.
 * Keeping those of a usual page is faster and costs nothing, since the next page wants them; larger ones (an image of
 * 40 million pixels) go back, so that one large page does not leave the process large for good.
 */
const environment = {
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
}

interface Page {
  readonly id: number;
  isStarted: boolean;
  readonly resolve: (result: PageResult) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One child process with one engine.
 *
 *     starting ── ready ──▶ idle ◀── answer ── busy
 *        │                   │  ── read() ──▶   │
 *        └───────────────────┴── exit, kill ────┴──▶ gone
 *
 * A process that says anything it should not is killed: it parses hostile input, and a reply that does not fit the
 * protocol means that somebody else is talking.
 */
export class EngineProcess {
  readonly ready: Promise<void>;
  /** Resolves with the reason when the process is gone; whoever owns it starts another. */
  readonly exited: Promise<string>;
  rssBytes = 0;
  cpuSeconds = 0;
  private readonly child: ChildProcess;
  private page: Page | undefined;
  private pages = 0;
  private isGone = false;
  private killReason: string | undefined;

  constructor(options: EngineProcessOptions) {
    this.child = fork(entry, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: environment,
      execArgv: [...permissions(options.modelsDir), '--expose-gc', '--disable-warning=SecurityWarning'],
    });
    const started = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<string>();
    this.ready = started.promise;
    this.exited = exited.promise;
    const startTimer = setTimeout(() => this.kill('start_timeout'), startTimeoutMs);
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
      const duringPage = this.page?.isStarted === true || this.killReason === 'page_timeout';
      this.page?.reject(new EngineDied(this.killReason ?? reason, duringPage));
      this.page = undefined;
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

  /**
   * Reads one page. Rejects with `EngineError` for what is wrong with the image and for `aborted`, with `EngineDied`
   * when the process ended or was killed (its deadline passed).
   */
  async read(bytes: Uint8Array, timeoutMs: number, signal: AbortSignal | undefined): Promise<PageResult> {
    if (signal?.aborted === true) throw new EngineError('aborted', 'Reading was stopped');
    if (this.isGone || this.page !== undefined) throw new EngineDied('unavailable', false);
    const id = ++this.pages;
    const { promise, resolve, reject } = Promise.withResolvers<PageResult>();
    this.page = { id, isStarted: false, resolve, reject };
    const deadline = setTimeout(() => this.kill('page_timeout'), timeoutMs);
    let grace: NodeJS.Timeout | undefined;
    let isCanceled = false;
    const cancel = (): void => {
      isCanceled = true;
      this.send({ type: 'cancel', id });
      grace = setTimeout(() => this.kill('cancel_timeout'), cancelGraceMs);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    this.send({ type: 'page', id, bytes });
    try {
      return await promise;
    } catch (error) {
      // Whatever a canceled page ended with, nobody wants it.
      if (isCanceled) throw new EngineError('aborted', 'Reading was stopped', { cause: error });
      throw error;
    } finally {
      clearTimeout(deadline);
      clearTimeout(grace);
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Ends the process at once; a page that it holds rejects with `EngineDied`. */
  kill(reason: string): void {
    this.killReason ??= reason;
    this.child.kill('SIGKILL');
  }

  private receive(message: FromEngine): void {
    if (message.type === 'start_failed') return;
    if (message.type === 'started') {
      if (message.id === this.page?.id) this.page.isStarted = true;
      return;
    }
    this.rssBytes = message.usage.rssBytes;
    this.cpuSeconds = message.usage.cpuSeconds;
    if (message.type === 'ready' || message.id !== this.page?.id) return;
    const { resolve, reject } = this.page;
    this.page = undefined;
    if (message.type === 'result') resolve(message.result);
    else reject(new EngineError(message.error.code, message.error.message));
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
