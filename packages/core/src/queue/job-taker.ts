import type { Logger } from '../logging.ts';
import { pause, settledWithin } from './connection.ts';
import type { JobArrivals } from './job-arrivals.ts';
import { LanePolicy } from './lane-policy.ts';
import { type Lane, lanes } from './payload.ts';

export interface JobTakerOptions {
  readonly arrivals: JobArrivals;
  readonly logger: Logger;
  /** See LaneConsumerOptions for these. */
  readonly slots: number;
  readonly eagerSlots: number;
  readonly parked: (() => number) | undefined;
  readonly maxParked: number;
  isOpen(lane: Lane): boolean;
  /** How many jobs are held now. */
  held(): number;
  /** Takes one job from the lane and starts it; false when it has none. */
  take(lane: Lane): Promise<boolean>;
}

const retryTakingMs = 500;
const lookForParkedMs = 500;
/** How long a job stays on offer to idle consumers before a busy one takes it in advance; they need a few ms. */
const offerMs = 25;

/**
 * Says when a job is taken, and from which lane. Runs until stopped: sleeps while there is nothing to take or no slot
 * to put it in, and tries again when Redis refuses.
 */
export class JobTaker {
  readonly #options: JobTakerOptions;
  readonly #policy = new LanePolicy();
  #ended: Promise<void> = Promise.resolve();
  #stopping = false;
  #failing = false;
  #wake: () => void = () => undefined;

  constructor(options: JobTakerOptions) {
    this.#options = options;
  }

  run(): void {
    this.#ended = this.#takeJobs();
  }

  /** Resolves when nothing more is taken, after `stop` was called. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  stop(): void {
    this.#stopping = true;
    this.#wake();
  }

  /** A job has ended. */
  slotFreed(): void {
    this.#wake();
  }

  async #takeJobs(): Promise<void> {
    const { arrivals, slots, eagerSlots } = this.#options;
    while (!this.#stopping) {
      try {
        const taken = this.#takenSlots();
        if (taken >= slots) {
          await arrivals.putBack();
          await this.#freedSlot();
          continue;
        }
        if (taken >= eagerSlots) {
          await arrivals.putBack();
          await pause(offerMs);
        }
        if (!(await this.#takeOne())) await arrivals.wait(lanes.filter((lane) => this.#options.isOpen(lane)));
        this.#succeeded();
      } catch (error) {
        if (this.#stopping) break;
        this.#failed(error);
        await pause(retryTakingMs);
      }
    }
    await arrivals.putBack().catch(() => undefined);
  }

  async #takeOne(): Promise<boolean> {
    const { arrivals, isOpen, take } = this.#options;
    for (const lane of this.#policy.order()) {
      const open = isOpen(lane);
      const took = open && (await take(lane));
      if (open) arrivals.lookedInto(lane);
      if (took) {
        this.#policy.took(lane);
        return true;
      }
      this.#policy.foundEmpty(lane);
      if (this.#stopping) return false;
    }
    // Of a lane that was closed after its marker woke us.
    await arrivals.putBack();
    return false;
  }

  #takenSlots(): number {
    const { held, parked, maxParked } = this.#options;
    return held() - Math.min(parked?.() ?? 0, maxParked);
  }

  /** A slot is freed by a job that ends, which wakes us, or by one that is parked, which is looked for. */
  async #freedSlot(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#stopping || this.#takenSlots() < this.#options.slots) resolve();
    });
    await (this.#options.parked === undefined ? woken : settledWithin(woken, lookForParkedMs));
  }

  /** It may fail for long (Redis has no memory left); one line says so, and one that it is over. */
  #failed(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#options.logger.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'No job could be taken');
  }

  #succeeded(): void {
    if (this.#failing) this.#options.logger.info('Jobs can be taken again');
    this.#failing = false;
  }
}
