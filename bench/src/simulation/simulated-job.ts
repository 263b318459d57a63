import type { Lane } from '@glyphmill/core/queue';

/** A job on its way through the simulation; times are seconds since its start. */
export interface SimulatedJob {
  readonly lane: Lane;
  readonly arrivedAt: number;
  /** How long an engine needs for it. */
  readonly serviceSeconds: number;
  /** When an engine began with it; the last time, if it was given back in between. */
  startedAt?: number;
  endedAt?: number;
  /** How often a pod that had to go gave it back. */
  timesGivenBack: number;
}

/** Jobs of one lane in the order of their arrival; those that are given back come first. */
export class WaitingLine {
  readonly #jobs: SimulatedJob[] = [];
  #taken = 0;

  get length(): number {
    return this.#jobs.length - this.#taken;
  }

  get oldest(): SimulatedJob | undefined {
    return this.#jobs[this.#taken];
  }

  add(job: SimulatedJob): void {
    this.#jobs.push(job);
  }

  giveBack(job: SimulatedJob): void {
    if (this.#taken === 0) this.#jobs.unshift(job);
    else this.#jobs[--this.#taken] = job;
  }

  take(): SimulatedJob | undefined {
    const job = this.#jobs[this.#taken];
    if (job === undefined) return undefined;
    this.#taken += 1;
    // Taken ones are dropped now and then, not each time: that would move all others.
    if (this.#taken > 1_000 && this.#taken * 2 > this.#jobs.length) this.#jobs.splice(0, this.#taken);
    else return job;
    this.#taken = 0;
    return job;
  }
}
