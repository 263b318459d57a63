import { given } from '../job-rows.ts';
import type { JobState } from '../job-store.ts';
import { sql } from '../statement.ts';
import { countFailures } from './current-failures.ts';
import type { OpenDatabase } from './readable-database.ts';
import type { StoreStatus } from './result-reader.ts';

const leastAgeMs = 1_000;
/** What was counted is told again for so many times as long as the counting took: it takes 2 % of the time at most. */
const restFactor = 50;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** See ResultReader.status. However many ask, and however often, the jobs are counted now and then. */
export function createStatus(database: OpenDatabase): () => Promise<StoreStatus> {
  let counted: { readonly status: StoreStatus; readonly until: number } | undefined;
  let counting: Promise<StoreStatus> | undefined;
  const count = async (): Promise<StoreStatus> => {
    const startedAt = performance.now();
    const status = await countJobs(database);
    const endedAt = performance.now();
    counted = { status, until: endedAt + Math.max(leastAgeMs, restFactor * (endedAt - startedAt)) };
    return status;
  };
  return async () => {
    if (counted !== undefined && performance.now() < counted.until) return counted.status;
    counting ??= count().finally(() => {
      counting = undefined;
    });
    return counting;
  };
}

interface CountRow {
  readonly oldest_queued_at: number | null;
  readonly last_minute: number;
  readonly last_hour: number;
  readonly last_day: number;
  readonly failures: number;
}

async function countJobs(database: OpenDatabase): Promise<StoreStatus> {
  const now = database.now();
  const endedSince = (time: number) => sql`(SELECT count(*) FROM jobs WHERE finished_at >= ${time})`;
  const { states, rest } = await database.read(async (db) => ({
    states: await db.all<{ state: JobState; count: number }>(
      sql`SELECT state, count(*) AS count FROM jobs GROUP BY state`,
    ),
    rest: await db.all<CountRow>(
      sql`SELECT (SELECT created_at FROM jobs WHERE state = 'queued' ORDER BY seq LIMIT 1) AS oldest_queued_at,
        ${endedSince(now - minuteMs)} AS last_minute, ${endedSince(now - hourMs)} AS last_hour,
        ${endedSince(now - dayMs)} AS last_day,
        ${countFailures(database.dialect)} AS failures`,
    ),
  }));
  const jobs = { queued: 0, active: 0, succeeded: 0, failed: 0, canceled: 0 };
  for (const { state, count } of states) jobs[state] = count;
  const [row] = rest;
  const oldest = row?.oldest_queued_at ?? null;
  return {
    countedAt: now,
    jobs,
    failures: row?.failures ?? 0,
    ...given('oldestQueuedMs', oldest === null ? null : Math.max(0, now - oldest)),
    finished: {
      lastMinute: row?.last_minute ?? 0,
      lastHour: row?.last_hour ?? 0,
      lastDay: row?.last_day ?? 0,
    },
    databaseBytes: await database.sizeBytes(),
  };
}
