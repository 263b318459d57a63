import { type JobStore } from '@glyphmill/core/store';

export interface JobRoomOptions {
  readonly store: Pick<JobStore, 'countUnfinished' | 'states' | 'unfinishedInboxJobs'>;
  /** Unfinished durable jobs of everybody. */
  readonly queueLimit: number;
  /** Unfinished jobs of the inbox. */
  readonly ownLimit: number;
  readonly now?: () => number;
}

/** Both questions take the store milliseconds at most. */
const askEveryMs = 500;

/**
 * How many jobs may be made. Everybody's share a limit; those of the inbox have a smaller one of their own, so that a
 * folder of 100,000 files neither fills the queue before others nor the disk with copies.
 */
export class JobRoom {
  readonly #options: JobRoomOptions;
  readonly #now: () => number;
  #own: Set<string> | undefined;
  #unfinished = 0;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: JobRoomOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Jobs of the inbox that have not ended, as far as is known. */
  get unfinished(): number {
    return this.#own?.size ?? 0;
  }

  /** Throws what the store throws. */
  async free(): Promise<number> {
    const { queueLimit, ownLimit } = this.#options;
    if (this.#own === undefined || this.#now() - this.#askedAt >= askEveryMs) await this.#ask();
    return Math.max(0, Math.min(queueLimit - this.#unfinished, ownLimit - this.unfinished));
  }

  made(ids: readonly string[]): void {
    for (const id of ids) this.#own?.add(id);
    this.#unfinished += ids.length;
  }

  /** Another process may make jobs from now on: what is known here is out of date. */
  forget(): void {
    this.#own = undefined;
  }

  async #ask(): Promise<void> {
    const { store, ownLimit } = this.#options;
    const own = this.#own ?? new Set(await store.unfinishedInboxJobs(ownLimit));
    const [unfinished, states] = await Promise.all([store.countUnfinished(), store.states([...own])]);
    for (const id of own) {
      const state = states.get(id);
      if (state !== 'queued' && state !== 'active') own.delete(id);
    }
    this.#own = own;
    this.#unfinished = unfinished;
    this.#askedAt = this.#now();
  }
}
