import { OcrError } from '@glyphmill/core/errors';
import { type JobQueue, takesFrom } from '@glyphmill/core/queue';
import type { JobStore } from '@glyphmill/core/store';
import { combineReports } from '../admission.ts';

/** Room for durable jobs: at most `QUEUE_LIMIT` of them may be unfinished. */
export interface BulkAdmission {
  /** Throws `queue_full`, with the seconds until there is room for so many. */
  check(count: number): Promise<void>;
  /** Like `check`, and keeps the room until `settle` is called, once, with how many jobs were made in the end. */
  admit(count: number): Promise<{ settle(created: number): void }>;
}

export interface BulkAdmissionOptions {
  readonly store: Pick<JobStore, 'countUnfinished' | 'countFinishedSince' | 'now' | 'pending'>;
  readonly queue: Pick<JobQueue, 'workers'>;
  readonly limit: number;
  readonly now?: () => number;
}

/** Counting takes the store milliseconds, so that it is done once in a while and not once a request. */
const countTtlMs = 1_000;
/** A count that is older is not trusted: the request waits for a new one. */
const maxCountAgeMs = 10_000;
const drainWindowMs = 60_000;
const minDrainWindowMs = 5_000;
const drainTtlMs = 2_000;
const maxRetryAfterSeconds = 86_400;
/** Nothing ends and no worker is there: somebody has to start one first. */
const standstillRetrySeconds = 60;

export function createBulkAdmission(options: BulkAdmissionOptions): BulkAdmission {
  const { limit, store, now = Date.now } = options;
  const drainRate = createDrainRate(options);
  let counted = 0;
  let countedAt = Number.NEGATIVE_INFINITY;
  let counting: Promise<void> | undefined;
  /** Jobs that this process made, in all and when the last count began: others may be too late for that count. */
  let made = 0;
  let madeBeforeCount = 0;
  let reserved = 0;

  const count = async () => {
    const madeBefore = made;
    try {
      counted = await store.countUnfinished();
      madeBeforeCount = madeBefore;
      countedAt = now();
    } finally {
      counting = undefined;
    }
  };

  const unfinished = async () => {
    const age = now() - countedAt;
    if (age >= countTtlMs) {
      counting ??= count();
      // A store that cannot count says so loudly when it is asked to take the jobs.
      if (age >= maxCountAgeMs) await counting;
      else counting.catch(() => undefined);
    }
    return counted + (made - madeBeforeCount) + reserved;
  };

  const check = async (asked: number) => {
    if (asked > limit) {
      throw new OcrError('invalid_request', `No more than ${limit} jobs may be unfinished at once`, {
        violations: [{ pointer: '/images', detail: `Expected at most ${limit} images` }],
      });
    }
    const excess = (await unfinished()) + asked - limit;
    if (excess <= 0) return;
    const rate = await drainRate();
    const seconds = rate > 0 ? Math.ceil(excess / rate) : standstillRetrySeconds;
    throw new OcrError('queue_full', 'Too many jobs are unfinished', {
      retryAfterSeconds: Math.min(Math.max(seconds, 1), maxRetryAfterSeconds),
    });
  };

  return {
    check,
    async admit(asked) {
      await check(asked);
      reserved += asked;
      let settled = false;
      return {
        settle(created) {
          if (settled) return;
          settled = true;
          reserved -= asked;
          made += created;
        },
      };
    },
  };
}

/**
 * Jobs that are run to their end in a second: as many as were since there has been work without a break, but for a
 * minute at most, since time in which nothing waited says nothing of how fast work is done. Until that has been for a
 * while, and where none ended, as many as the workers say that they could; 0 where there is no worker.
 */
function createDrainRate({ store, queue, now = Date.now }: BulkAdmissionOptions): () => Promise<number> {
  let rate = 0;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  const measure = async () => {
    const storeNow = await store.now();
    const [oldest] = await store.pending({ untouchedSince: storeNow, limit: 1 });
    const since = Math.max(oldest?.createdAt ?? storeNow, storeNow - drainWindowMs);
    const windowMs = storeNow - since;
    return windowMs < minDrainWindowMs ? 0 : ((await store.countFinishedSince(since)) * 1000) / windowMs;
  };
  const read = async () => {
    const measured = await measure().catch(() => 0);
    rate = measured > 0 ? measured : await reportedRate(queue);
    readAt = now();
    reading = undefined;
  };
  return async () => {
    if (now() - readAt >= drainTtlMs) await (reading ??= read());
    return rate;
  };
}

async function reportedRate(queue: Pick<JobQueue, 'workers'>): Promise<number> {
  const reports = await queue.workers().catch(() => []);
  const capacity = combineReports(reports.filter((report) => takesFrom(report, 'bulk')));
  return capacity === undefined ? 0 : (capacity.engines * 1000) / capacity.meanPageMs;
}
