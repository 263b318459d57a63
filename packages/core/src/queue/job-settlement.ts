import { UnrecoverableError } from 'bullmq';
import type { Redis } from 'ioredis';
import { pause } from './connection.ts';
import { giveBack } from './give-back.ts';
import type { HeldJob } from './held-job.ts';
import { cancelKey, inputKey } from './keys.ts';
import { postOutcome } from './mailbox.ts';
import type { Outcome } from './outcome.ts';

const postAttempts = 4;
const postRetryMs = 500;

/** Ends a job: the outcome first reaches its mailbox, then the queue forgets the job. */
export class JobSettlement {
  readonly #client: Redis;
  readonly #mailboxTtlMs: number;

  constructor(options: { readonly client: Redis; readonly mailboxTtlMs: number }) {
    this.#client = options.client;
    this.#mailboxTtlMs = options.mailboxTtlMs;
  }

  /** Throws when the outcome cannot be stored; the job then stays locked until it counts as stalled. */
  async settle(held: HeldJob, kind: 'ephemeral' | 'durable', outcome: Outcome): Promise<void> {
    const id = held.publicId;
    if (kind === 'durable') {
      await this.leaveQueue(held, outcome);
      return;
    }
    await this.#post(id, outcome);
    // The queue keeps finished jobs for a while; the address of an image that nobody may keep must not be among it.
    await Promise.all([
      this.#client.del(inputKey(id), cancelKey(held.bullId)),
      held.job.updateData({}),
      this.leaveQueue(held, outcome),
    ]);
  }

  async leaveQueue(held: HeldJob, outcome: Outcome): Promise<void> {
    if (outcome.ok) await held.job.moveToCompleted(null, held.token, false);
    else await held.job.moveToFailed(new UnrecoverableError(outcome.error.code), held.token, false);
  }

  async giveBack(held: HeldJob): Promise<void> {
    await giveBack(this.#client, held);
  }

  async #post(id: string, outcome: Outcome): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await postOutcome(this.#client, { id, outcome, ttlMs: this.#mailboxTtlMs });
        return;
      } catch (error) {
        if (attempt === postAttempts) throw error;
        await pause(postRetryMs);
      }
    }
  }
}
