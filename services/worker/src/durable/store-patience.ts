import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';

export interface StorePatienceOptions {
  /** Throws while the store cannot take jobs. */
  readonly check: () => Promise<void>;
  /** What logs call it; `store` if not said. */
  readonly place?: string;
  /** `away` if not said: until it is known to be open. */
  readonly begins?: 'away' | 'open';
  readonly logger: Logger;
  /** Of a call that worked, without the time that was waited before. */
  readonly onCall?: (operation: string, durationMs: number) => void;
  /** Of a call that was slow or had to be repeated, once it worked or was given up. */
  readonly onWaited?: (durationMs: number) => void;
}

/** The signal fired before the call worked. */
export class StoppedWaiting extends Error {
  override readonly name = 'StoppedWaiting';
}

interface Waiter {
  readonly since: number;
  failed: boolean;
}

/** Faults that pass: the store is away, or its disk is full. */
const passing: ReadonlySet<string> = new Set(['store_unavailable', 'storage_full']);
/** A fault that does not pass is a bug; a few more tries are for the case that it was none. */
const maxTriesOfFault = 3;
const firstPauseMs = 200;
const maxPauseMs = 2_000;
/** A call that takes longer waits for something: it counts as one that failed. */
const slowCallMs = 1_000;
const probeIntervalMs = 1_000;

/**
 * Calls the store until it answers. Knows whether the store is away: from the first failure on, until a call works
 * again; while nobody calls, it asks itself. A store that is still being opened is away.
 */
export class StorePatience {
  readonly #options: StorePatienceOptions;
  readonly #waiters = new Set<Waiter>();
  readonly #prober: NodeJS.Timeout;
  readonly #place: string;
  #awaySince: number | undefined;
  #wasOpen: boolean;
  #isProbing = false;
  #isKnown: boolean;

  constructor(options: StorePatienceOptions) {
    this.#options = options;
    this.#place = options.place ?? 'store';
    this.#wasOpen = options.begins === 'open';
    this.#isKnown = this.#wasOpen;
    this.#awaySince = this.#wasOpen ? undefined : performance.now();
    this.#prober = setInterval(() => void this.#probe(), probeIntervalMs);
    this.#prober.unref();
  }

  /** Whether work that needs the store had better not be begun. */
  get isAway(): boolean {
    return this.#awaySince !== undefined || this.waiting > 0;
  }

  /** The same for who only tells of it: undefined before the first answer or failure. */
  get isKnownAway(): boolean | undefined {
    return this.#isKnown || this.waiting > 0 ? this.isAway : undefined;
  }

  /** How many calls have to wait. */
  get waiting(): number {
    const before = performance.now() - slowCallMs;
    return [...this.#waiters].filter(({ failed, since }) => failed || since < before).length;
  }

  /**
   * Repeats `work` while the store is away, for as long as it takes. Tries at least once, even when the signal has fired
   * already; throws StoppedWaiting when it fires before `work` succeeded, and after a few tries what `work` throws if
   * that is no fault that passes.
   */
  async call<T>(operation: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const waiter: Waiter = { since: performance.now(), failed: false };
    this.#waiters.add(waiter);
    let faults = 0;
    try {
      for (let tries = 1; ; tries += 1) {
        const startedAt = performance.now();
        try {
          const value = await work();
          this.#options.onCall?.(operation, performance.now() - startedAt);
          this.#leave(waiter);
          this.noteSuccess();
          return value;
        } catch (error) {
          if (isPassing(error)) this.noteFailure(error);
          else faults += 1;
          if (faults === maxTriesOfFault) throw error;
          waiter.failed ||= isPassing(error);
          await this.#pauseAfter(tries, signal, error);
        }
      }
    } finally {
      this.#leave(waiter);
    }
  }

  /** For calls that somebody repeats by himself. */
  noteFailure(error: unknown): void {
    if (!isPassing(error)) return;
    this.#isKnown = true;
    if (this.#awaySince !== undefined) return;
    this.#awaySince = performance.now();
    // Of these faults the cause tells the connection's or the disk's trouble, and no values.
    const reason = error.cause instanceof Error ? error.cause.message : undefined;
    this.#options.logger.warn({ code: error.code, reason }, `The ${this.#place} is away`);
  }

  noteSuccess(): void {
    this.#isKnown = true;
    // What others still wait for has not worked yet: a full disk lets through what needs no room.
    if (this.#awaySince === undefined || [...this.#waiters].some(({ failed }) => failed)) return;
    const awayMs = Math.round(performance.now() - this.#awaySince);
    this.#awaySince = undefined;
    this.#options.logger.info({ awayMs }, `The ${this.#place} is ${this.#wasOpen ? 'back' : 'open'}`);
    this.#wasOpen = true;
  }

  close(): void {
    clearInterval(this.#prober);
  }

  #leave(waiter: Waiter): void {
    const wasHere = this.#waiters.delete(waiter);
    const waitedMs = performance.now() - waiter.since;
    // The store itself waits for a lock for a while: that is a wait, too, and nothing fails.
    if (wasHere && (waiter.failed || waitedMs > slowCallMs)) this.#options.onWaited?.(waitedMs);
  }

  async #pauseAfter(tries: number, signal: AbortSignal, cause: unknown): Promise<void> {
    const longestMs = Math.min(maxPauseMs, firstPauseMs * 2 ** (tries - 1));
    await pause(longestMs * (0.5 + Math.random() / 2), signal);
    if (signal.aborted) throw new StoppedWaiting('The wait for the store was stopped', { cause });
  }

  async #probe(): Promise<void> {
    if (this.#awaySince === undefined || this.#isProbing || this.#waiters.size > 0) return;
    this.#isProbing = true;
    try {
      await this.#options.check();
      this.noteSuccess();
    } catch {
      // Still away.
      this.#isKnown = true;
    } finally {
      this.#isProbing = false;
    }
  }
}

function isPassing(error: unknown): error is OcrError {
  return error instanceof OcrError && passing.has(error.code);
}

/** Ends early when the signal fires. */
function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
