import type { Footprint } from './footprint.ts';

/** What shall be read, and how evenly it comes. */
export interface Demand {
  readonly imagesPerDay: number;
  /** The busiest minutes' rate over the day's mean. */
  readonly peakFactor: number;
  readonly linesPerPage: number;
  readonly bytesPerImage: number;
  /** How long results are kept. */
  readonly keepDays: number;
  /** How long jobs may wait. */
  readonly targetWaitSeconds: number;
}

export interface Pace {
  readonly pagesPerSecondOfPod: number;
  /** Of the engines' time that may be used at the peak: at full use any chance makes a queue. */
  readonly peakUse: number;
}

export interface CapacityPlan {
  readonly meanPerSecond: number;
  readonly peakPerSecond: number;
  /** Worker pods while it is as busy as it gets, and on average over the day. */
  readonly podsAtPeak: number;
  readonly podsOnAverage: number;
  readonly apiPods: number;
  readonly redis: {
    readonly commandsPerSecond: number;
    /** Share of the one thread that Redis runs commands in; from 1 on it cannot keep up. */
    readonly threadUse: number;
    /** Of which workers that look for each other's heartbeats: grows with the square of their number. */
    readonly heartbeatUse: number;
    readonly backlogBytes: number;
    readonly connections: number;
  };
  readonly postgres: {
    readonly transactionsPerSecond: number;
    readonly rowsWrittenPerSecond: number;
    readonly walBytesPerSecond: number;
    readonly cores: number;
    /** That may be opened; few are at a time. */
    readonly mostConnections: number;
    readonly bytesPerDay: number;
    readonly bytesKept: number;
  };
  readonly blobs: {
    readonly requestsPerSecond: number;
    readonly bytesKept: number;
  };
  /** Jobs that wait at the peak while the pool holds its target: `QUEUE_LIMIT` has to be larger. */
  readonly waitingAtPeak: number;
}

const secondsPerDay = 86_400;
/** One for as long as another is replaced, and one on another node. */
const leastApiPods = 3;
/** Of one API process, which runs in one thread. */
const apiUse = 0.5;
/** Of each process (docs/store.md). */
const postgresPool = 10;
/** An upload is put and fetched, its two pictures are put, and all three are deleted in the end. */
const requestsPerUpload = 7;

export function planCapacity(
  demand: Demand,
  { pagesPerSecondOfPod, peakUse }: Pace,
  footprint: Footprint,
): CapacityPlan {
  const { redis, postgres, api, blobs } = footprint;
  const meanPerSecond = demand.imagesPerDay / secondsPerDay;
  const peakPerSecond = meanPerSecond * demand.peakFactor;
  const podsFor = (perSecond: number): number => Math.max(1, Math.ceil(perSecond / (pagesPerSecondOfPod * peakUse)));
  const podsAtPeak = podsFor(peakPerSecond);
  const apiPods = Math.max(leastApiPods, Math.ceil((peakPerSecond * api.cpuSecondsPerJob) / apiUse));
  // Each worker looks at each once a second.
  const heartbeatUse = podsAtPeak ** 2 * redis.cpuSecondsPerHeartbeatRead;
  const waitingAtPeak = peakPerSecond * demand.targetWaitSeconds;
  const bytesPerJob = postgres.bytesPerJob + demand.linesPerPage * postgres.bytesPerLine;
  const bytesPerDay = demand.imagesPerDay * bytesPerJob;
  return {
    meanPerSecond,
    peakPerSecond,
    podsAtPeak,
    podsOnAverage: podsFor(meanPerSecond),
    apiPods,
    redis: {
      commandsPerSecond:
        peakPerSecond * redis.commandsPerJob +
        podsAtPeak * redis.idleCommandsOfWorker +
        apiPods * redis.idleCommandsOfApi,
      threadUse: peakPerSecond * redis.cpuSecondsPerJob + heartbeatUse,
      heartbeatUse,
      backlogBytes: waitingAtPeak * redis.bytesPerWaitingJob,
      connections: podsAtPeak * redis.connectionsOfWorker + apiPods * redis.connectionsOfApi,
    },
    postgres: {
      transactionsPerSecond:
        peakPerSecond * postgres.transactionsPerJob +
        podsAtPeak * postgres.idleTransactionsOfWorker +
        apiPods * postgres.idleTransactionsOfApi,
      rowsWrittenPerSecond: peakPerSecond * (postgres.rowsWrittenPerJob + demand.linesPerPage),
      walBytesPerSecond: peakPerSecond * (postgres.walBytesPerJob + demand.linesPerPage * postgres.walBytesPerLine),
      cores: peakPerSecond * postgres.cpuSecondsPerJob,
      mostConnections: (podsAtPeak + apiPods) * postgresPool,
      bytesPerDay,
      bytesKept: bytesPerDay * demand.keepDays,
    },
    blobs: {
      requestsPerSecond: peakPerSecond * requestsPerUpload,
      // An upload goes once it was read; its pictures stay as long as the job.
      bytesKept: demand.imagesPerDay * demand.keepDays * blobs.bytesOfPictures + waitingAtPeak * demand.bytesPerImage,
    },
    waitingAtPeak,
  };
}
