import { Job, type Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { giveBack } from './give-back.ts';
import { activeKey, lockKey, publicJobId, workersKey } from './keys.ts';
import { type Lane, lanes } from './payload.ts';
import { readMissingWorkers } from './worker-report.ts';

export interface DeadWorkersOptions {
  readonly client: Redis;
  /** Our own. */
  readonly workerId: string;
  readonly workers: Readonly<Record<Lane, Worker>>;
  onTakenOver(jobId: string): void;
}

/**
 * A worker whose heartbeat has run out is believed dead only after so long: when Redis itself hung, the heartbeats of
 * all workers run out together, and the living ones need a moment to beat again.
 */
const mourningMs = 2_500;

/**
 * Gives the jobs of dead workers back to their lanes as soon as their heartbeat has been missing for a while, instead
 * of waiting for the locks to run out and BullMQ's stall check to notice. The lock tells whose job it is. A worker that
 * was only thought dead has lost its lock by this, as it would by a stall: what it answers is discarded.
 */
export class DeadWorkers {
  readonly #options: DeadWorkersOptions;
  /** Since when a worker's heartbeat has been missing, by performance.now(). */
  readonly #missingSince = new Map<string, number>();

  constructor(options: DeadWorkersOptions) {
    this.#options = options;
  }

  async check(): Promise<void> {
    const missing = await readMissingWorkers(this.#options.client);
    // Redis does not take our heartbeat either (no memory left), so a missing one says nothing.
    if (missing.has(this.#options.workerId)) missing.clear();
    const now = performance.now();
    for (const id of this.#missingSince.keys()) if (!missing.has(id)) this.#missingSince.delete(id);
    for (const id of missing) {
      const since = this.#missingSince.get(id) ?? now;
      this.#missingSince.set(id, since);
      if (now - since >= mourningMs) await this.#takeOver(id);
    }
  }

  async #takeOver(workerId: string): Promise<void> {
    const { client, workers, onTakenOver } = this.#options;
    for (const lane of lanes) {
      const bullIds = await client.lrange(activeKey(lane), 0, -1);
      if (bullIds.length === 0) continue;
      const tokens = await client.mget(bullIds.map((bullId) => lockKey(lane, bullId)));
      for (const [index, bullId] of bullIds.entries()) {
        const token = tokens[index];
        if (token?.startsWith(`${workerId}:`) !== true) continue;
        const job = await Job.fromId(workers[lane], bullId);
        // Fails when another worker was faster, which is as good.
        if (job === undefined) continue;
        await giveBack(client, { job, lane, token }).then(
          () => {
            onTakenOver(publicJobId(bullId));
          },
          () => undefined,
        );
      }
    }
    await client.zrem(workersKey, workerId);
    this.#missingSince.delete(workerId);
  }
}
