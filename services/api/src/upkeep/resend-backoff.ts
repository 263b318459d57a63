interface Sends {
  readonly count: number;
  readonly notBefore: number;
  readonly forgetAt: number;
}

const maxPauseMs = 600_000;
/** By then all pending jobs were looked at, however many they are. */
const minMemoryMs = 60_000;

/**
 * How long to leave a job alone that was sent again and is missing again: once may be a loss, but one that comes back
 * each time is taken out of the queue by something (workers that cannot read it, say) and would keep everybody busy.
 * Generations would not do as a measure, since a job's own retries raise them, too.
 */
export class ResendBackoff {
  readonly #firstPauseMs: number;
  readonly #now: () => number;
  readonly #sends = new Map<string, Sends>();

  constructor(firstPauseMs: number, now: () => number = () => performance.now()) {
    this.#firstPauseMs = firstPauseMs;
    this.#now = now;
  }

  isDue(id: string): boolean {
    return (this.#sends.get(id)?.notBefore ?? 0) <= this.#now();
  }

  sent(id: string): void {
    const count = (this.#sends.get(id)?.count ?? 0) + 1;
    const pauseMs = Math.min(this.#firstPauseMs * 2 ** (count - 1), maxPauseMs);
    const notBefore = this.#now() + pauseMs;
    this.#sends.set(id, { count, notBefore, forgetAt: notBefore + Math.max(pauseMs, minMemoryMs) });
  }

  /** Of jobs that could have been sent again for as long as they had to wait, and were not missing. */
  forgetOld(): void {
    const now = this.#now();
    for (const [id, { forgetAt }] of this.#sends) if (forgetAt < now) this.#sends.delete(id);
  }
}
