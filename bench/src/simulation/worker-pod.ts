import { type Lane, LanePolicy } from '@glyphmill/core/queue';
import type { SimulatedJob } from './simulated-job.ts';

/** starting → ready → draining → gone; a pod may also be taken away while it starts. */
export type PodState = 'starting' | 'ready' | 'draining' | 'gone';

/** A worker as far as it matters for waiting: it holds jobs in advance, and its engines read one page each at a time. */
export class WorkerPod {
  readonly engines: number;
  readonly running = new Set<SimulatedJob>();
  state: PodState = 'starting';
  /** Taken in advance: whoever waits here waits for an engine of this pod. */
  readonly #ahead: SimulatedJob[] = [];
  /** The worker's own. */
  readonly #policy = new LanePolicy();

  constructor(engines: number) {
    this.engines = engines;
  }

  get held(): number {
    return this.running.size + this.#ahead.length;
  }

  heldOf(lane: Lane): number {
    let count = 0;
    for (const job of this.running) if (job.lane === lane) count += 1;
    for (const job of this.#ahead) if (job.lane === lane) count += 1;
    return count;
  }

  get hasIdleEngine(): boolean {
    return this.running.size < this.engines;
  }

  /** Takes one job from the lanes as the worker's taker does; undefined when none has any. */
  takeFrom(take: (lane: Lane) => SimulatedJob | undefined): SimulatedJob | undefined {
    for (const lane of this.#policy.order()) {
      const job = take(lane);
      if (job !== undefined) {
        this.#policy.took(lane);
        this.#ahead.push(job);
        return job;
      }
      this.#policy.foundEmpty(lane);
    }
    return undefined;
  }

  /** The job that an idle engine begins with now: interactive ones first, as the worker's gate lets them in. */
  begin(): SimulatedJob | undefined {
    if (!this.hasIdleEngine) return undefined;
    const first = this.#ahead.findIndex(({ lane }) => lane === 'interactive');
    const [job] = this.#ahead.splice(Math.max(first, 0), 1);
    if (job !== undefined) this.running.add(job);
    return job;
  }

  /** All that it still holds, for others to take. */
  letGo(): SimulatedJob[] {
    const left = [...this.running, ...this.#ahead];
    this.running.clear();
    this.#ahead.length = 0;
    return left;
  }
}
