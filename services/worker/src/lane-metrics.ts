import { Counter, Gauge, type Registry } from '@glyphmill/core/metrics';
import type { LaneEvent } from '@glyphmill/core/queue';
import type { JobMetrics } from './job-metrics.ts';

/** What a worker's hold on the queue is worth. */
export function createLaneMetrics(
  registry: Registry,
  jobs: Pick<JobMetrics, 'observeUnread'>,
): (event: LaneEvent) => void {
  const registers = [registry];
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  const lockLost = counter('glyphmill_lock_lost_total', 'Jobs that another worker may have taken over from this one');
  const renewalsFailed = counter(
    'glyphmill_lock_renewals_failed_total',
    'Locks of jobs that could not be renewed: Redis refused, did not answer for the life of the lock, or another worker has it',
  );
  const stalled = counter('glyphmill_stalled_total', 'Jobs of lost workers that this one put back into the queue');
  const redisUp = new Gauge({
    name: 'glyphmill_redis_up',
    help: '1 while Redis answers; a worker tells whether it is connected, and nothing before it first tried to',
    registers,
  });
  // Engines take a while to start, and only then is Redis connected to: until then nothing is known of it.
  redisUp.remove();
  return (event) => {
    switch (event.type) {
      case 'lock_lost':
        return lockLost.inc();
      case 'stalled':
        return stalled.inc();
      case 'renewals_failed':
        return renewalsFailed.inc(event.jobs);
      case 'ended_unread':
        return jobs.observeUnread(event);
      case 'redis_up':
        return redisUp.set(1);
      case 'redis_down':
        return redisUp.set(0);
    }
  };
}
