import type { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { DueTime } from '../due-time.ts';
import type { HeldJob } from './held-job.ts';
import { cancelKey } from './keys.ts';
import { type Lane, lanes } from './payload.ts';

export interface JobKeeperOptions {
  readonly client: Redis;
  readonly workers: Readonly<Record<Lane, Worker>>;
  readonly held: ReadonlyMap<string, HeldJob>;
  readonly lockMs: number;
  onError(error: unknown): void;
  /** Called with the number of jobs whose locks were not renewed: Redis refused, the lock was gone, or ran out meanwhile. */
  onRenewalsFailed(jobs: number): void;
}

/** A cancellation whose message was lost is seen by the next tick. */
const tickMs = 700;
const maxRenewalIntervalMs = 5_000;

/** Renews the locks of held jobs and stops jobs that are no longer ours or were canceled. */
export class JobKeeper {
  readonly #options: JobKeeperOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #busy = new Set<string>();
  readonly #renewal = new DueTime();

  constructor(options: JobKeeperOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.tick();
    }, tickMs);
    this.#timer.unref();
  }

  tick(): void {
    this.#dropExpired();
    if (this.#options.held.size === 0) return;
    this.#once('cancellations', () => this.#checkCancellations());
    if (!this.#renewal.isDue) return;
    this.#renewal.setIn(Math.min(this.#options.lockMs / 3, maxRenewalIntervalMs) - tickMs / 2);
    for (const lane of lanes) this.#once(lane, () => this.#renew(lane));
  }

  /** Makes the next tick renew at once: the connection was away. */
  renewSoon(): void {
    this.#renewal.setNow();
    this.tick();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** While Redis is away, commands hang; they must not pile up. */
  #once(name: string, work: () => Promise<void>): void {
    if (this.#busy.has(name)) return;
    this.#busy.add(name);
    work()
      .catch((error: unknown) => {
        this.#options.onError(error);
      })
      .finally(() => {
        this.#busy.delete(name);
      });
  }

  /** Without an answer from Redis for the life of a lock, another worker may have the job. */
  #dropExpired(): void {
    const oldest = performance.now() - this.#options.lockMs;
    const expired = [...this.#options.held.values()].filter((one) => one.lockedAt < oldest && one.abort('lock_lost'));
    if (expired.length > 0) this.#options.onRenewalsFailed(expired.length);
  }

  async #renew(lane: Lane): Promise<void> {
    const held = [...this.#options.held.values()].filter((one) => one.lane === lane && one.abortReason !== 'lock_lost');
    if (held.length === 0) return;
    const askedAt = performance.now();
    const lost = await this.#extendLocks(lane, held);
    // A job that ended while Redis was asked has given its lock up by itself.
    const stillHeld = held.filter(
      (one) => lost.includes(one.bullId) && this.#options.held.has(one.token) && !one.settling,
    );
    if (stillHeld.length > 0) this.#options.onRenewalsFailed(stillHeld.length);
    for (const one of held) {
      if (lost.includes(one.bullId)) one.abort('lock_lost');
      else one.lockedAt = askedAt;
    }
  }

  /** The BullMQ ids of those whose lock is not ours any more. */
  async #extendLocks(lane: Lane, held: readonly HeldJob[]): Promise<string[]> {
    try {
      return await this.#options.workers[lane].extendJobLocks(
        held.map((one) => one.bullId),
        held.map((one) => one.token),
        this.#options.lockMs,
      );
    } catch (error) {
      this.#options.onRenewalsFailed(held.length);
      throw error;
    }
  }

  async #checkCancellations(): Promise<void> {
    const held = [...this.#options.held.values()].filter((one) => one.id !== undefined && !one.settling);
    if (held.length === 0) return;
    const marks = await this.#options.client.mget(held.map((one) => cancelKey(one.bullId)));
    held.forEach((one, index) => {
      if (marks[index] !== null) one.abort('canceled');
    });
  }
}
