import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBackoff, type Backoff, type BackoffOptions } from './backoff.ts';
import { guardedCommand } from './guarded-command.ts';
import { type ChildLine, forEachLine } from './lines.ts';

export interface ProcessPlan {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether it does its work; asked again and again after each start. */
  ready(): Promise<boolean>;
  readonly readyTimeoutMs: number;
  /** What it may take to stop before it is killed. */
  readonly stopGraceMs: number;
}

export type ProcessEvent =
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'ready' }
  | { readonly type: 'exited'; readonly how: string; readonly restartInMs: number }
  | { readonly type: 'killed' }
  | { readonly type: 'stopped' };

export interface ProcessListener {
  onEvent(name: string, event: ProcessEvent): void;
  onLine(name: string, line: ChildLine): void;
}

const probeEveryMs = 50;
const rememberedLines = 20;

/**
 * One child process and its life:
 *
 *     idle ──start()──▶ starting ──answers──▶ running
 *                        ▲   │ dies, once it had run      │ dies
 *                        │   ▼                            ▼
 *                        └─ waiting (backoff) ◀───────────┘
 *     any of these ──stop()──▶ stopping ──exits──▶ stopped
 *
 * Only a process that has been ready once is started again: one that dies before that has bad settings or a broken
 * installation, and `start()` rejects with its last words. `stop()` while waiting goes straight to `stopped`.
 */
export class ManagedProcess {
  readonly #plan: ProcessPlan;
  readonly #listener: ProcessListener;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  #state: 'idle' | 'starting' | 'running' | 'waiting' | 'stopping' | 'stopped' = 'idle';
  #child: ChildProcess | undefined;
  #exited: Promise<string> = Promise.resolve('');
  #life: Promise<void> = Promise.resolve();
  #lastLines: string[] = [];

  constructor(plan: ProcessPlan, listener: ProcessListener, backoff: BackoffOptions) {
    this.#plan = plan;
    this.#listener = listener;
    this.#backoff = createBackoff(backoff);
  }

  get name(): string {
    return this.#plan.name;
  }

  get state() {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The end of what it has written; for the report of one that does not come up. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** Resolves when it is ready. Rejects when it exits or stays silent before that, or when `stop()` is called. */
  async start(): Promise<void> {
    const startedAt = performance.now();
    this.#spawn();
    if (!(await this.#becomesReady())) {
      if (this.#stopping.signal.aborted) throw new Error('was stopped');
      const silent = this.#child?.exitCode === null && this.#child.signalCode === null;
      const seconds = Math.round(this.#plan.readyTimeoutMs / 1000);
      await this.stop();
      throw new Error(silent ? `was not ready after ${seconds} s` : `ended at once (${await this.#exited})`);
    }
    this.#life = this.#keepAlive(startedAt);
  }

  /** SIGTERM, then SIGKILL after the grace. Resolves when it and everything that it started are gone. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'stopping';
    this.#stopping.abort();
    const child = this.#child;
    if (child?.pid !== undefined) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => {
        this.kill();
      }, this.#plan.stopGraceMs);
      await this.#exited;
      clearTimeout(timer);
    }
    await this.#life;
    this.#state = 'stopped';
    if (child !== undefined) this.#listener.onEvent(this.name, { type: 'stopped' });
  }

  /** At once, with all that it started. */
  kill(): void {
    if (this.#child?.exitCode !== null || this.#child.signalCode !== null) return;
    this.#listener.onEvent(this.name, { type: 'killed' });
    killGroup(this.#child.pid);
  }

  async #keepAlive(firstStartedAt: number): Promise<void> {
    let startedAt = firstStartedAt;
    for (;;) {
      const how = await this.#exited;
      if (this.#stopping.signal.aborted) return;
      const restartInMs = this.#backoff.nextDelayMs(performance.now() - startedAt);
      this.#state = 'waiting';
      this.#listener.onEvent(this.name, { type: 'exited', how, restartInMs });
      try {
        await sleep(restartInMs, undefined, { signal: this.#stopping.signal });
      } catch {
        return;
      }
      startedAt = performance.now();
      this.#spawn();
      // One that hangs is started anew like one that died.
      if (!(await this.#becomesReady()) && !this.#stopping.signal.aborted) this.kill();
    }
  }

  #spawn(): void {
    const [file, ...args] = guardedCommand(this.#plan.command, this.#plan.stopGraceMs);
    // A session of its own: Ctrl-C in the terminal is the supervisor's business alone, which stops things in order.
    const child = spawn(file, args, { env: this.#plan.env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.#state = 'starting';
    this.#child = child;
    this.#lastLines = [];
    for (const stream of ['stdout', 'stderr'] as const) {
      forEachLine(child[stream], (text) => {
        this.#lastLines = [...this.#lastLines, text].slice(-rememberedLines);
        this.#listener.onLine(this.name, { text, stream });
      });
    }
    // The pipe is never written to; it breaks when the process goes.
    child.stdin.on('error', () => undefined);
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        resolve(error.message);
      });
      child.once('exit', (code, signal) => {
        // Its watcher, and an engine that hangs in native code and does not notice that its parent is gone.
        killGroup(child.pid);
        child.stdin.destroy();
        resolve(signal === null ? `exit code ${code}` : signal);
      });
    });
    if (child.pid !== undefined) this.#listener.onEvent(this.name, { type: 'started', pid: child.pid });
  }

  async #becomesReady(): Promise<boolean> {
    const child = this.#child;
    const gone = () => child?.pid === undefined || child.exitCode !== null || child.signalCode !== null;
    const giveUpAt = performance.now() + this.#plan.readyTimeoutMs;
    while (!gone() && !this.#stopping.signal.aborted && performance.now() < giveUpAt) {
      if (await this.#plan.ready().catch(() => false)) {
        if (gone() || this.#stopping.signal.aborted) break;
        this.#state = 'running';
        this.#listener.onEvent(this.name, { type: 'ready' });
        return true;
      }
      await sleep(probeEveryMs);
    }
    return false;
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}
