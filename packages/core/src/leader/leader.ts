import { setTimeout as delay } from 'node:timers/promises';
import { OcrError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { JobStore } from '../store/job-store.ts';
import { momentIn, Term } from './term.ts';

export interface LeaderOptions {
  /** The lease's; and what is led, as the log says it. */
  readonly name: string;
  readonly duty: string;
  readonly store: Pick<JobStore, 'acquireLease' | 'releaseLease'>;
  /** Unique among all processes, and new for each start. */
  readonly holder: string;
  readonly timing: LeaderTiming;
  readonly logger: Logger;
}

export interface LeaderTiming {
  readonly leaseMs: number;
  readonly renewEveryMs: number;
  /** How often somebody who is not the leader tries to become it. */
  readonly challengeEveryMs: number;
}

/** The lease runs out by itself when the store does not take it back in time. */
const releaseWithinMs = 1_500;

/**
 * Of all processes that want the lease of this name, one has it at a time and is the leader. `waiting` (somebody else has
 * the lease, or the store is away) → `leading` (a Term is given out and extended by each renewal) → `waiting` as soon as
 * a renewal fails, for whatever reason, or the lease runs out; both → `stopped`.
 */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #term: Term | undefined;
  #elected = Promise.withResolvers<void>();

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  get isLeading(): boolean {
    return this.#term?.isOver === false;
  }

  /** The present term, once there is one; undefined when the leader was stopped. */
  async term(): Promise<Term | undefined> {
    for (;;) {
      if (this.#stopping.signal.aborted) return undefined;
      if (this.#term?.isOver === false) return this.#term;
      await this.#elected.promise;
    }
  }

  /** Ends the term at once; resolves when the lease is free for others, as far as the store can be told. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#term?.end('this process stops');
    this.#elected.resolve();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { timing } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const leading = await this.#campaign();
      await this.#pause(leading ? timing.renewEveryMs : timing.challengeEveryMs);
    }
    await this.#release();
  }

  /** Takes or renews the lease. The term counts from before the question, since the answer may have taken long. */
  async #campaign(): Promise<boolean> {
    const { store, name, holder, timing } = this.#options;
    const endsAt = momentIn(timing.leaseMs);
    try {
      const taken = await store.acquireLease({ name, holder, ttlMs: timing.leaseMs });
      if (!taken) this.#term?.end('somebody else has the lease');
      else if (!this.#stopping.signal.aborted) this.#lead(endsAt);
    } catch (error) {
      this.#term?.end(OcrError.from(error).code);
    }
    return this.isLeading;
  }

  #lead(endsAt: ReturnType<typeof momentIn>): void {
    if (this.#term?.isOver === false) {
      this.#term.extend(endsAt);
      return;
    }
    const term = new Term(endsAt);
    if (term.isOver) return;
    this.#term?.end('the lease ran out');
    this.#term = term;
    term.signal.addEventListener('abort', () => {
      if (this.#term === term) this.#term = undefined;
      this.#deposed(term);
    });
    this.#options.logger.info(`This process leads ${this.#options.duty}`);
    this.#elected.resolve();
    this.#elected = Promise.withResolvers();
  }

  #deposed(term: Term): void {
    if (this.#stopping.signal.aborted) return;
    const reason: unknown = term.signal.reason;
    this.#options.logger.warn(
      { reason: reason instanceof Error ? reason.message : 'unknown' },
      `This process no longer leads ${this.#options.duty}`,
    );
  }

  async #release(): Promise<void> {
    const { store, name, holder } = this.#options;
    const released = store.releaseLease({ name, holder }).catch(() => undefined);
    await Promise.race([released, delay(releaseWithinMs, undefined, { ref: false })]);
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
