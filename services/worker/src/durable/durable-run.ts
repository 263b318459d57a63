import type { ClaimedJob } from '@glyphmill/core/queue';
import type { Claim, JobSummary } from '@glyphmill/core/store';
import type { LeaseKeeper } from './lease-keeper.ts';

/** `claim_lost`: the row was ended or given to another run; the others are the queue's. */
export type StopReason = 'canceled' | 'lock_lost' | 'drain' | 'claim_lost';

/** setTimeout cannot wait longer. */
const maxTimeoutMs = 2 ** 31 - 1;

/** One run of a durable job, from its claim to its end. */
export class DurableRun {
  readonly claim: Claim;
  readonly row: JobSummary;
  /** The queue's job; its signal is `reading`. */
  readonly job: ClaimedJob;
  /** Fires when the job is not ours to end any more, or we have to leave it. Its reason is a StopReason. */
  readonly ours: AbortSignal;
  /** Fires then too, and at the job's deadline: a page that was read by then is stored. */
  readonly reading: AbortSignal;
  /** How far the store's clock, by which its times go, is ahead of this host's. */
  readonly #storeAheadMs: number;
  readonly #stopKeeping: () => void;
  readonly #deadline: NodeJS.Timeout | undefined;

  constructor(options: {
    readonly claim: Claim;
    readonly row: JobSummary;
    readonly job: ClaimedJob;
    readonly leases: LeaseKeeper;
  }) {
    const { claim, row, job, leases } = options;
    this.claim = claim;
    this.row = row;
    // The claim was made a moment ago.
    this.#storeAheadMs = row.startedAt === undefined ? 0 : row.startedAt - Date.now();
    const claimLost = new AbortController();
    this.#stopKeeping = leases.keep(claim, () => {
      claimLost.abort('claim_lost' satisfies StopReason);
    });
    this.ours = AbortSignal.any([job.signal, claimLost.signal]);
    const late = new AbortController();
    this.reading = AbortSignal.any([this.ours, late.signal]);
    this.job = { ...job, signal: this.reading };
    if (row.deadlineAt === undefined) return;
    const leftMs = Math.min(Math.max(row.deadlineAt - this.storeNow(), 0), maxTimeoutMs);
    this.#deadline = setTimeout(() => {
      late.abort('deadline');
    }, leftMs);
    this.#deadline.unref();
  }

  get stopReason(): StopReason | undefined {
    return this.ours.aborted ? (this.ours.reason as StopReason) : undefined;
  }

  /** Milliseconds since the epoch, by the store's clock. */
  storeNow(): number {
    return Date.now() + this.#storeAheadMs;
  }

  isLate(): boolean {
    return this.row.deadlineAt !== undefined && this.row.deadlineAt <= this.storeNow();
  }

  close(): void {
    clearTimeout(this.#deadline);
    this.#stopKeeping();
  }
}
