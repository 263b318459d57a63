import type { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { HeldJob } from './held-job.ts';
import { cancelKey } from './keys.ts';
import { type Lane, lanes } from './payload.ts';

export interface JobKeeperOptions {
  readonly client: Redis;
  readonly workers: Readonly<Record<Lane, Worker>>;
  readonly held: ReadonlyMap<string, HeldJob>;
  readonly lockMs: number;
  onError(error: unknown): void;
}

/** A cancellation whose message was lost is seen by the next tick. */
const tickMs = 700;
const maxRenewalIntervalMs = 5_000;

/** Renews the locks of held jobs and stops jobs that are no longer ours or were canceled. */
export class JobKeeper {
  readonly #options: JobKeeperOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #busy = new Set<string>();
  #renewAt = 0;

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
    if (Date.now() < this.#renewAt) return;
    this.#renewAt = Date.now() + Math.min(this.#options.lockMs / 3, maxRenewalIntervalMs) - tickMs / 2;
    for (const lane of lanes) this.#once(lane, () => this.#renew(lane));
  }

  /** Makes the next tick renew at once: the connection was away. */
  renewSoon(): void {
    this.#renewAt = 0;
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
    const oldest = Date.now() - this.#options.lockMs;
    for (const held of this.#options.held.values()) if (held.lockedAt < oldest) held.abort('lock_lost');
  }

  async #renew(lane: Lane): Promise<void> {
    const held = [...this.#options.held.values()].filter((one) => one.lane === lane && one.abortReason !== 'lock_lost');
    if (held.length === 0) return;
    const askedAt = Date.now();
    const lost = await this.#options.workers[lane].extendJobLocks(
      held.map((one) => one.bullId),
      held.map((one) => one.token),
      this.#options.lockMs,
    );
    for (const one of held) {
      if (lost.includes(one.bullId)) one.abort('lock_lost');
      else one.lockedAt = askedAt;
    }
  }

  async #checkCancellations(): Promise<void> {
    const held = [...this.#options.held.values()].filter((one) => one.id !== undefined && !one.settling);
    if (held.length === 0) return;
    const marks = await this.#options.client.mget(held.map((one) => cancelKey(one.id ?? '')));
    held.forEach((one, index) => {
      if (marks[index] !== null) one.abort('canceled');
    });
  }
}
