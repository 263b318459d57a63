import type { BackoffOptions } from './backoff.ts';
import { ManagedProcess, type ProcessListener, type ProcessPlan } from './managed-process.ts';
import { StartError } from './start-error.ts';

/**
 * The children as a whole: `new ──start()──▶ starting ──all ready──▶ running ──stop()──▶ stopping ──▶ stopped`.
 * Started one after the other, each when the one before is ready; stopped in reverse. What dies in between is restarted
 * by its ManagedProcess alone: the services outlive a Redis that comes back empty.
 */
export class Supervisor {
  readonly #processes: readonly ManagedProcess[];
  #stopped: Promise<void> | undefined;

  constructor(plans: readonly ProcessPlan[], listener: ProcessListener, backoff: BackoffOptions) {
    this.#processes = plans.map((plan) => new ManagedProcess(plan, listener, backoff));
  }

  /** Rejects with StartError when one does not come up; the others are stopped then. */
  async start(): Promise<void> {
    for (const child of this.#processes) {
      if (this.#stopped !== undefined) return;
      try {
        await child.start();
      } catch (error) {
        if (this.#stopped !== undefined) return;
        await this.stop();
        const reason = error instanceof Error ? error.message : String(error);
        throw new StartError([`${child.name} ${reason}. The last that it wrote:`, ...child.lastLines].join('\n  '), {
          cause: error,
        });
      }
    }
  }

  /** Resolves when all are gone; asking again changes nothing. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopInReverse();
    return this.#stopped;
  }

  /** For whoever does not want to wait for `stop()`. */
  kill(): void {
    for (const child of this.#processes) child.kill();
  }

  async #stopInReverse(): Promise<void> {
    for (const child of this.#processes.toReversed()) await child.stop();
  }
}
