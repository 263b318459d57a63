import { setImmediate as turn } from 'node:timers/promises';
import { OcrError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { JobQueue, QueueEntry } from './job-queue.ts';
import type { Lane } from './payload.ts';

/**
 * Puts accepted jobs into the queue, behind the caller's back: the answer does not wait for Redis, and what cannot be
 * sent is found and sent later by the reconciler, as its row says that it is due.
 */
export interface JobSender {
  /** Resolves when the jobs are in the queue or were given up; never rejects. */
  send(lane: Lane, entries: readonly QueueEntry[]): Promise<void>;
}

export interface JobSenderOptions {
  readonly queue: Pick<JobQueue, 'enqueueMany'>;
  readonly logger: Pick<Logger, 'warn'>;
  /** Is handed the work of sending, which must be settled before the queue is closed. */
  readonly cleanUps: { track(work: Promise<void>): Promise<void> };
  /** Called with the number of jobs that were left to the reconciler. */
  readonly onGivenUp: (jobs: number) => void;
}

/** Beyond this many, jobs that wait to be sent are left to the reconciler: Redis is too slow, and memory is finite. */
const maxWaiting = 20_000;
const maxFlight = 1_000;

interface Parcel {
  readonly entries: readonly QueueEntry[];
  readonly settle: () => void;
}

export function createJobSender({ queue, logger, cleanUps, onGivenUp }: JobSenderOptions): JobSender {
  const outbox: Record<Lane, Parcel[]> = { interactive: [], bulk: [] };
  const sending = new Set<Lane>();
  let waiting = 0;

  const giveUp = (lane: Lane, jobs: number, reason: string) => {
    onGivenUp(jobs);
    logger.warn({ lane, jobs, reason }, 'Accepted jobs could not be sent; the reconciler will send them');
  };

  const fly = async (lane: Lane, flight: readonly Parcel[]) => {
    const entries = flight.flatMap((parcel) => parcel.entries);
    waiting -= entries.length;
    try {
      await queue.enqueueMany(lane, entries);
    } catch (error) {
      giveUp(lane, entries.length, OcrError.from(error).code);
    }
    for (const parcel of flight) parcel.settle();
  };

  /** One flight at a time a lane: whatever is accepted meanwhile goes together in the next one. */
  const pump = async (lane: Lane) => {
    await turn();
    for (;;) {
      const flight = takeFlight(outbox[lane]);
      if (flight.length === 0) break;
      await fly(lane, flight);
    }
    sending.delete(lane);
  };

  return {
    send(lane, entries) {
      if (entries.length === 0) return Promise.resolve();
      if (waiting + entries.length > maxWaiting) {
        giveUp(lane, entries.length, 'too many are waiting to be sent');
        return Promise.resolve();
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      outbox[lane].push({ entries, settle: resolve });
      waiting += entries.length;
      if (!sending.has(lane)) {
        sending.add(lane);
        void cleanUps.track(pump(lane));
      }
      return promise;
    },
  };
}

/** Whole parcels up to the size of a flight, at least one if there is any. */
function takeFlight(parcels: Parcel[]): Parcel[] {
  let jobs = 0;
  const end = parcels.findIndex(({ entries }, index) => (jobs += entries.length) > maxFlight && index > 0);
  return parcels.splice(0, end === -1 ? parcels.length : end);
}
