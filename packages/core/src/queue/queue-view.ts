import type { Logger } from '../logging.ts';
import { FastConnection } from './fast-connection.ts';
import type { LaneDepth } from './job-queue.ts';
import { activeKey, delayedKey, prioritizedKey, waitKey } from './keys.ts';
import type { Lane } from './payload.ts';
import { readWorkerReports, type WorkerReport } from './worker-report.ts';

export { takesFrom } from './worker-report.ts';

/**
 * What a page may know of the queue: it only reads, and does so without BullMQ, which would take memory for nothing.
 * Every method ends in under 2 s; while Redis is away it throws OcrError `queue_unavailable`.
 */
export interface QueueView {
  depth(lane: Lane): Promise<LaneDepth>;
  /** Workers whose heartbeat is fresh. */
  workers(): Promise<WorkerReport[]>;
  close(): Promise<void>;
}

export interface QueueViewOptions {
  readonly redisUrl: string;
  readonly logger: Logger;
}

export function createQueueView({ redisUrl, logger }: QueueViewOptions): QueueView {
  const redis = new FastConnection({ redisUrl, logger, role: 'view' });
  return {
    depth: (lane) =>
      redis.run(async (client) => {
        const [waiting, prioritized, active, delayed] = await Promise.all([
          client.llen(waitKey(lane)),
          client.zcard(prioritizedKey(lane)),
          client.llen(activeKey(lane)),
          client.zcard(delayedKey(lane)),
        ]);
        return { waiting: waiting + prioritized, active, delayed };
      }),
    workers: () => redis.run(readWorkerReports),
    close: () => redis.close(),
  };
}
