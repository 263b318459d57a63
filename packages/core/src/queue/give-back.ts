import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { markerKey } from './keys.ts';
import type { Lane } from './payload.ts';

/**
 * Returns a held job to its lane, before all others of its priority; does not count as a lost worker. Throws when the
 * claim no longer holds.
 */
export async function giveBack(
  client: Redis,
  { job, lane, token }: { readonly job: Job; readonly lane: Lane; readonly token: string },
): Promise<void> {
  await job.moveToWait(token);
  // BullMQ wakes nobody for a job with a priority; without this it is found a moment later.
  await client.zadd(markerKey(lane), 0, '0').catch(() => undefined);
}
