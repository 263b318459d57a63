export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** After running this long a process counts as well, and its next death as the first. */
  readonly resetAfterMs: number;
}

export interface Backoff {
  /** How long to wait before the next start of a process that died after `ranMs`. */
  nextDelayMs(ranMs: number): number;
}

/** Doubles from death to death, so that a process that cannot run does not eat the machine. */
export function createBackoff({ firstMs, maxMs, resetAfterMs }: BackoffOptions): Backoff {
  let deaths = 0;
  return {
    nextDelayMs(ranMs) {
      if (ranMs >= resetAfterMs) deaths = 0;
      const delay = Math.min(maxMs, firstMs * 2 ** deaths);
      deaths += 1;
      return delay;
    },
  };
}
