import { OcrError } from '../errors.ts';
import type { Outcome } from './outcome.ts';

const maxTimeoutMs = 2 ** 31 - 1;

/**
 * One caller's wait for one job. Settles once: by an outcome, a failure, the deadline or the caller's signal. What
 * comes before the caller asks is kept for it.
 */
export class OutcomeWait {
  readonly #settled = Promise.withResolvers<Outcome>();
  #asked = false;
  #done = false;

  constructor() {
    // A failure may come when nobody listens (any more); that must not end the process.
    this.#settled.promise.catch(() => undefined);
  }

  /** The caller is waiting: only now is a job that the queue does not know a lost one. */
  get pending(): boolean {
    return this.#asked && !this.#done;
  }

  settle(outcome: Outcome): void {
    this.#done = true;
    this.#settled.resolve(outcome);
  }

  fail(error: Error): void {
    this.#done = true;
    this.#settled.reject(error);
  }

  async outcome(deadlineAt: number, signal?: AbortSignal): Promise<Outcome> {
    this.#asked = true;
    const timer = setTimeout(
      () => {
        this.fail(new OcrError('deadline_exceeded', 'The image was not read in time'));
      },
      Math.min(Math.max(deadlineAt - Date.now(), 0), maxTimeoutMs),
    );
    const onAbort = () => {
      this.fail(new DOMException('The caller no longer waits', 'AbortError'));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    try {
      return await this.#settled.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
