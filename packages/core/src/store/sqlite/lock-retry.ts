import { setTimeout as delay } from 'node:timers/promises';
import { isLocked } from './sqlite-failure.ts';

/** Longer than any transaction of ours takes on a slow disk, shorter than anybody wants to wait for an answer. */
export const lockTimeoutMs = 4_000;
const firstDelayMs = 5;
const maxDelayMs = 50;

/**
 * SQLite itself waits for a lock only as long as the event loop may be held; the rest of the waiting is done here, between
 * tries. `attempt` must have changed nothing when it throws because of a lock.
 */
export async function retryLocked<T>(
  attempt: () => T | Promise<T>,
  options: { readonly until: number; readonly signal?: AbortSignal },
): Promise<T> {
  let delayMs = firstDelayMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isLocked(error) || performance.now() > options.until || options.signal?.aborted === true) throw error;
      await delay(delayMs * (0.5 + Math.random()));
      delayMs = Math.min(delayMs * 2, maxDelayMs);
    }
  }
}
