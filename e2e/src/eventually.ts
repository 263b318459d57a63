import { setTimeout as delay } from 'node:timers/promises';

export { delay };

export interface Patience {
  readonly timeoutMs: number;
  readonly everyMs?: number;
  /** Completes "Gave up waiting for …". */
  readonly what: string;
}

/** Asks again and again until the answer is neither undefined nor false, and gives it; rejects when that takes too long. */
export async function eventually<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs, everyMs = 25, what }: Patience,
): Promise<T> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > until) throw new Error(`Gave up waiting for ${what}`);
    await delay(everyMs);
  }
}
