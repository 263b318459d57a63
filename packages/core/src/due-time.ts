/** Milliseconds by the two clocks that there are. */
export interface Clocks {
  /** Nobody sets it, and it goes on while the process is stopped; but it may rest while the whole machine sleeps. */
  readonly monotonic: () => number;
  /** Since the epoch. It goes on always, and may be set. */
  readonly wall: () => number;
}

export const systemClocks: Clocks = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
};

/** Far more than what a clock is corrected by while it is kept in step. */
const maxDriftMs = 1_000;

/**
 * When something has to be done again. At once also when the clocks have moved against each other: one was set, or the
 * machine slept, and from here it cannot be told which. Due from the start.
 */
export class DueTime {
  readonly #clocks: Clocks;
  #at = Number.NEGATIVE_INFINITY;
  #offset = 0;

  constructor(clocks: Clocks = systemClocks) {
    this.#clocks = clocks;
  }

  get isDue(): boolean {
    const { monotonic, wall } = this.#clocks;
    return monotonic() >= this.#at || Math.abs(wall() - monotonic() - this.#offset) > maxDriftMs;
  }

  setIn(ms: number): void {
    const { monotonic, wall } = this.#clocks;
    this.#at = monotonic() + ms;
    this.#offset = wall() - monotonic();
  }

  setNow(): void {
    this.#at = Number.NEGATIVE_INFINITY;
  }
}
