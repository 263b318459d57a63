import { setImmediate as turn } from 'node:timers/promises';
import { type JobQueue, lanes, toDurablePayload } from '@glyphmill/core/queue';
import type { PendingJob } from '@glyphmill/core/store';

/** More at once would hold up requests that wait for their turn in this process. */
const jobsPerTurn = 100;

/** Puts jobs into their lanes as their rows say; those that wait for another attempt not before its time. */
export async function sendPending(queue: Pick<JobQueue, 'enqueueMany'>, jobs: readonly PendingJob[]): Promise<void> {
  for (const lane of lanes) {
    const ofLane = jobs.filter((job) => job.lane === lane);
    for (let start = 0; start < ofLane.length; start += jobsPerTurn) {
      const now = Date.now();
      const entries = ofLane.slice(start, start + jobsPerTurn).map((job) => ({
        payload: toDurablePayload(job, now),
        priority: job.priority,
        ...(job.nextAttemptAt !== undefined && job.nextAttemptAt > now && { delayMs: job.nextAttemptAt - now }),
      }));
      await queue.enqueueMany(lane, entries);
      await turn();
    }
  }
}
