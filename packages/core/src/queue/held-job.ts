import type { Job } from 'bullmq';
import { publicJobId } from './keys.ts';
import type { JobPayload, Lane } from './payload.ts';

/**
 * Why a running job shall stop: somebody canceled it, its deadline passed, another worker may have it by now, or this
 * worker is shutting down (the job goes back to the queue).
 */
export type AbortReason = 'canceled' | 'deadline' | 'lock_lost' | 'drain';

/** A job as its handler sees it. */
export interface ClaimedJob {
  readonly payload: JobPayload;
  readonly lane: Lane;
  /**
   * Milliseconds from the moment that it was due to its taking, by the clocks of who sent it and of this host. A delay that
   * was asked for does not count; the time that other workers had it, and lost it or gave it back, does.
   */
  readonly waitedMs: number;
  /** How many workers died running it; only runs that were announced with `started` count. */
  readonly lostWorkers: number;
  /**
   * Announces that what may end the whole worker begins now. Resolves when Redis knows: should the worker die from here
   * on, whoever takes the job next is told so. Jobs that a dying worker merely held are not blamed. Never rejects.
   */
  started(): Promise<void>;
  /** The bytes of a `data` source. Throws OcrError when they are gone. */
  input(): Promise<Uint8Array>;
  /** Its `reason` is an AbortReason. */
  readonly signal: AbortSignal;
}

/** A job between its taking and its end: whose lock we keep and what may still stop it. */
export class HeldJob {
  readonly job: Job;
  readonly lane: Lane;
  /** Of this one claim: a job that is claimed again gets another. */
  readonly token: string;
  /** When the lock was last known to be ours, by performance.now(): that goes on while the process is stopped. */
  lockedAt: number;
  /** See ClaimedJob. */
  readonly waitedMs: number;
  /** The public id; undefined while the payload is unread or cannot be read. */
  id: string | undefined;
  /** Resolves when the job has ended here, whatever became of it. */
  readonly ended: Promise<void>;
  readonly #end: () => void;
  readonly #controller = new AbortController();
  /** Whether it ended with an outcome, instead of going back to the queue. */
  answered = false;
  /** Whether its run was announced. */
  started = false;
  #settling = false;
  #disowned = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(claim: { readonly job: Job; readonly lane: Lane; readonly token: string; readonly lockedAt: number }) {
    this.job = claim.job;
    this.lane = claim.lane;
    this.token = claim.token;
    this.lockedAt = claim.lockedAt;
    this.waitedMs = Math.max(Date.now() - claim.job.timestamp - (claim.job.opts.delay ?? 0), 0);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
  }

  get bullId(): string {
    return this.job.id ?? '';
  }

  isSameJob(other: HeldJob): boolean {
    return this.lane === other.lane && this.bullId === other.bullId;
  }

  get publicId(): string {
    return this.id ?? publicJobId(this.bullId);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get abortReason(): AbortReason | undefined {
    return this.signal.aborted ? (this.signal.reason as AbortReason) : undefined;
  }

  /** The first reason stays; a job whose outcome is being written can no longer be stopped. */
  abort(reason: AbortReason): boolean {
    if (this.#settling || this.signal.aborted) return false;
    this.#controller.abort(reason);
    return true;
  }

  /** From here on its outcome is decided. */
  beginSettling(): void {
    this.#settling = true;
    clearTimeout(this.#deadline);
  }

  get settling(): boolean {
    return this.#settling;
  }

  /** It was given back while its handler still ran: nothing that the handler answers counts any more. */
  disown(): void {
    this.#disowned = true;
  }

  get disowned(): boolean {
    return this.#disowned;
  }

  abortAt(deadlineAt: number): void {
    const leftMs = Math.min(Math.max(deadlineAt - Date.now(), 0), 2 ** 31 - 1);
    this.#deadline = setTimeout(() => this.abort('deadline'), leftMs);
    this.#deadline.unref();
  }

  end(): void {
    clearTimeout(this.#deadline);
    this.#end();
  }
}
