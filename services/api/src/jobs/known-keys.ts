import { OcrError } from '@glyphmill/core/errors';
import type { JobStore } from '@glyphmill/core/store';

/**
 * What `ask` says to so many new jobs as the keys stand for; undefined: none of them is new. Who repeats a request gets
 * the answer to it however full the queue is. Looking keys up costs the store something, so that it is done in need only.
 */
export async function askForNewOnes<T>(
  ask: (count: number) => Promise<T>,
  { keys, store }: { readonly keys: readonly (string | undefined)[]; readonly store: Pick<JobStore, 'knownKeys'> },
): Promise<T | undefined> {
  try {
    return await ask(keys.length);
  } catch (error) {
    const given = keys.filter((key) => key !== undefined);
    if (!(error instanceof OcrError) || error.code !== 'queue_full' || given.length === 0) throw error;
    const known = await store.knownKeys(given);
    if (known.size === 0) throw error;
    const count = keys.filter((key) => key === undefined || !known.has(key)).length;
    return count === 0 ? undefined : ask(count);
  }
}
