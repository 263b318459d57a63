import { type JobQueue, lanes } from '@glyphmill/core/queue';
import type { PendingJob } from '@glyphmill/core/store';

/** Those of the jobs that the queue neither runs nor will run. */
export async function findMissing(
  queue: Pick<JobQueue, 'holds'>,
  jobs: readonly PendingJob[],
): Promise<readonly PendingJob[]> {
  const missing: PendingJob[] = [];
  for (const lane of lanes) {
    const ofLane = jobs.filter((job) => job.lane === lane);
    if (ofLane.length === 0) continue;
    const held = await queue.holds(lane, ofLane);
    missing.push(...ofLane.filter((_, index) => held[index] === false));
  }
  return missing;
}
