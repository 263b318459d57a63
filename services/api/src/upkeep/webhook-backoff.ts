const firstDelayMs = 5_000;
const growth = 4;
const maxDelayMs = 4 * 3_600_000;
/** A receiver that is down over a night and half a day still hears of everything. */
export const triedForMs = 24 * 3_600_000;
const maxRetryAfterMs = 3_600_000;

export interface FailedDelivery {
  /** Tries that failed before this one. */
  readonly tries: number;
  /** When the job ended; milliseconds since the epoch, like `now`. */
  readonly createdAt: number;
  readonly now: number;
  /** What the receiver asked for; an hour at most is granted. */
  readonly retryAfterMs?: number | undefined;
  /** 0..1, as Math.random gives it. */
  readonly random: () => number;
}

/**
 * When to try again (milliseconds since the epoch), or undefined when it has been tried for long enough: about 5 s, 20 s,
 * 80 s, 5 min, 21 min, 85 min and then every 4 h for a day. Between half and the whole of each delay, so that what failed
 * together does not come back together.
 */
export function nextTryAt({ tries, createdAt, now, retryAfterMs = 0, random }: FailedDelivery): number | undefined {
  const delayMs = Math.min(maxDelayMs, firstDelayMs * growth ** tries);
  const at = now + Math.max(Math.round(delayMs * (0.5 + random() / 2)), Math.min(retryAfterMs, maxRetryAfterMs));
  return at - createdAt > triedForMs ? undefined : at;
}
