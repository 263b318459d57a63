import type { OcrError } from '@glyphmill/core/errors';

export interface FailedAttempt {
  readonly error: OcrError;
  /** This one included. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** The most that the second attempt waits; each further one may wait three times as long. */
  readonly retryDelayMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly deadlineAt?: number | undefined;
  /** 0..1, as Math.random gives it. */
  readonly random: () => number;
}

export type NextStep = { readonly kind: 'retry'; readonly at: number } | { readonly kind: 'fail' };

/** A server that comes back is not left alone for longer. */
const maxDelayMs = 600_000;
const growth = 3;

/**
 * Whether a failed job is tried again, and when: after exponential backoff with equal jitter. Half of the wait is
 * certain, so that no job uses up its attempts within the minute that a server takes to start anew; the other half is
 * chance, so that the jobs which failed together do not come back together. Not when the attempt would begin after the
 * job's deadline: why it failed says more than that it was late.
 */
export function decideNextStep(failed: FailedAttempt): NextStep {
  const { error, attempts, maxAttempts, retryDelayMs, now, deadlineAt, random } = failed;
  if (!error.retryable || error.code === 'deadline_exceeded' || attempts >= maxAttempts) return { kind: 'fail' };
  const longestMs = Math.min(maxDelayMs, retryDelayMs * growth ** (attempts - 1));
  const at = now + Math.round((longestMs / 2) * (1 + random()));
  return deadlineAt !== undefined && at >= deadlineAt ? { kind: 'fail' } : { kind: 'retry', at };
}
