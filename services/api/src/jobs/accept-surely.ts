import { setTimeout as delay } from 'node:timers/promises';
import { OcrError } from '@glyphmill/core/errors';
import type { AcceptedJob, JobStore, NewJob } from '@glyphmill/core/store';

/** Time for a database that has just lost its connections to take new ones. */
const repeatAfterMs = 250;
/** A store that has had longer is hanging or locked, and whoever asks has waited enough. */
const repeatWithinMs = 2_500;

/**
 * `accept`, once more where the store failed: a connection that is lost while it commits leaves open whether the jobs were
 * made, and who is told 503 then and sends them again without a key would have them twice.
 */
export async function acceptSurely(
  store: Pick<JobStore, 'accept'>,
  jobs: readonly NewJob[],
): Promise<readonly AcceptedJob[]> {
  const startedAt = performance.now();
  try {
    return await store.accept(jobs);
  } catch (error) {
    const isUnknown = error instanceof OcrError && error.code === 'store_unavailable';
    if (!isUnknown || performance.now() - startedAt > repeatWithinMs) throw error;
  }
  await delay(repeatAfterMs);
  return store.accept(jobs);
}
