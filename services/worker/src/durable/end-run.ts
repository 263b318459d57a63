import { setTimeout as pause } from 'node:timers/promises';
import { OcrError } from '@glyphmill/core/errors';
import type { JobQueue, JobResult } from '@glyphmill/core/queue';
import type { FinishedPage, JobStore, TerminalState } from '@glyphmill/core/store';
import type { DurableRun } from './durable-run.ts';
import { decideNextStep } from './retry-policy.ts';
import { StoppedWaiting, type StorePatience } from './store-patience.ts';

/** What came of getting the bytes and having them read. */
export type Reading =
  | { readonly ok: true; readonly page: FinishedPage }
  | { readonly ok: false; readonly error: OcrError };

/**
 * How a run ended in the store.
 * - `stored`, `failed`: the job has that terminal state by this run.
 * - `retried`: it is queued for another attempt, under `generation`.
 * - `released`: it is given back without blame, as far as the store could be told.
 * - `canceled`, `late`: it was not ours to end any more: canceled, ended by its deadline, or run by another worker.
 * - `refused`: the store has a fault that does not pass; the job is sent again once its lease has run out.
 *
 * `fault` is what the store threw.
 */
export type Ending =
  | { readonly kind: 'stored'; readonly result: JobResult }
  | { readonly kind: 'failed'; readonly error: OcrError; readonly fault?: unknown }
  | { readonly kind: 'retried'; readonly error: OcrError; readonly generation: number; readonly at: number }
  | { readonly kind: 'released' }
  | { readonly kind: 'canceled' }
  | { readonly kind: 'late' }
  | { readonly kind: 'refused'; readonly fault: unknown };

export interface RunEnderOptions {
  readonly store: Pick<JobStore, 'finishSucceeded' | 'finishFailed' | 'requeue' | 'release' | 'states'>;
  readonly patience: StorePatience;
  readonly queue: Pick<JobQueue, 'announce'>;
  readonly maxAttempts: number;
  /** See FailedAttempt. */
  readonly retryDelayMs: number;
}

/** Giving back is a courtesy: the next worker may claim the job without it. */
const releaseTimeoutMs = 1_000;

/** Tells the store how a run ended, and those who listen. */
export class RunEnder {
  readonly #options: RunEnderOptions;

  constructor(options: RunEnderOptions) {
    this.#options = options;
  }

  /** Never rejects. Waits for a store that is away for as long as the job is ours. */
  async end(run: DurableRun, reading: Reading): Promise<Ending> {
    try {
      if (run.stopReason === 'canceled' || run.stopReason === 'claim_lost') return await this.#leave(run);
      // A page that was read is stored even if the queue's lock is gone or this worker is leaving: the claim decides.
      if (reading.ok) return await this.#store(run, reading.page);
      if (run.stopReason !== undefined) return await this.#leave(run);
      return await this.#fail(run, reading.error);
    } catch (error) {
      if (error instanceof StoppedWaiting) return this.#leave(run);
      return { kind: 'refused', fault: error };
    }
  }

  async #store(run: DurableRun, page: FinishedPage): Promise<Ending> {
    const { store } = this.#options;
    try {
      const held = await this.#finish(run, 'succeeded', () => store.finishSucceeded(run.claim, page));
      return held ? { kind: 'stored', result: page.result } : { kind: 'late' };
    } catch (error) {
      if (error instanceof StoppedWaiting) throw error;
      // The store cannot take this result, and would not take it the next time either.
      const internal = new OcrError('internal', 'The result could not be stored');
      const ending = await this.#finishFailed(run, internal);
      return ending.kind === 'failed' ? { ...ending, fault: error } : ending;
    }
  }

  async #fail(run: DurableRun, error: OcrError): Promise<Ending> {
    const { store, patience, maxAttempts, retryDelayMs } = this.#options;
    const { attempts, deadlineAt } = run.row;
    const step = decideNextStep({
      error,
      attempts,
      maxAttempts,
      retryDelayMs,
      deadlineAt,
      now: run.storeNow(),
      random: Math.random,
    });
    if (step.kind === 'fail') return this.#finishFailed(run, error);
    const next = { error: error.toWire(), nextAttemptAt: step.at };
    const generation = await patience.call('requeue', () => store.requeue(run.claim, next), run.ours);
    if (generation === undefined) return { kind: 'late' };
    this.#announce(run, 'queued');
    return { kind: 'retried', error, generation, at: step.at };
  }

  async #finishFailed(run: DurableRun, error: OcrError): Promise<Ending> {
    const { store } = this.#options;
    const held = await this.#finish(run, 'failed', () => store.finishFailed(run.claim, error.toWire()));
    return held ? { kind: 'failed', error } : { kind: 'late' };
  }

  async #finish(run: DurableRun, state: TerminalState, write: () => Promise<boolean>): Promise<boolean> {
    let tries = 0;
    const work = (): Promise<boolean> => {
      tries += 1;
      return write();
    };
    const held = await this.#options.patience.call('finish', work, run.ours);
    const isStored = held || (tries > 1 && (await this.#stateOf(run)) === state);
    if (isStored) this.#announce(run, state);
    return isStored;
  }

  /** A write whose answer was lost may have been stored: then our own claim no longer holds, and we ended the job. */
  async #stateOf({ claim: { id } }: DurableRun): Promise<string | undefined> {
    const states = await this.#options.store.states([id]).catch(() => undefined);
    return states?.get(id);
  }

  #leave(run: DurableRun): Ending | Promise<Ending> {
    switch (run.stopReason) {
      case 'canceled':
        return { kind: 'canceled' };
      case 'claim_lost':
        return { kind: 'late' };
      case 'lock_lost':
      case 'drain':
      case undefined:
        return this.#release(run);
    }
  }

  async #release(run: DurableRun): Promise<Ending> {
    const releasing = this.#options.store.release(run.claim).catch(() => undefined);
    const held = await Promise.race([releasing, pause(releaseTimeoutMs, undefined, { ref: false })]);
    if (held === false) return { kind: 'late' };
    if (held === true) this.#announce(run, 'queued');
    return { kind: 'released' };
  }

  /** A hint: who waits for the job also asks the store. */
  #announce({ claim: { id } }: DurableRun, state: TerminalState | 'queued'): void {
    this.#options.queue.announce(id, state).catch(() => undefined);
  }
}
