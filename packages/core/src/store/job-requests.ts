import { sql } from './statement.ts';
import type { Database, Sql } from './database.ts';
import { type JobRow, jobColumns, summaryOf } from './job-rows.ts';
import type { JobStore } from './job-store.ts';
import { withoutClaim } from './claims.ts';
import { announceEnd } from './outbox.ts';

/** What users ask for about one job. */
export function createJobRequests(database: Database): Pick<JobStore, 'cancel' | 'retryFailed'> {
  const lock = async (db: Sql, id: string): Promise<JobRow | undefined> => {
    const [row] = await db.all<JobRow>(
      sql`SELECT ${jobColumns} FROM jobs WHERE id = ${id} ${database.dialect.forUpdate}`,
    );
    return row;
  };
  return {
    async cancel(id) {
      const now = database.now();
      return database.write(async (db) => {
        const job = await lock(db, id);
        if (job === undefined) return { kind: 'unknown' };
        if (job.state !== 'queued' && job.state !== 'active') return { kind: 'ended', job: summaryOf(job) };
        const canceled = await changed(
          db,
          sql`UPDATE jobs SET state = 'canceled', ${withoutClaim}, next_attempt_at = NULL,
            error_code = NULL, error_message = NULL, error_retryable = NULL, touched_at = ${now}, finished_at = ${now} WHERE seq = ${job.seq} RETURNING ${jobColumns}`,
        );
        await announceEnd(db, { job: canceled, at: now });
        return { kind: 'canceled', was: job.state, job: summaryOf(canceled) };
      });
    },

    async retryFailed(id) {
      const now = database.now();
      return database.write(async (db) => {
        const job = await lock(db, id);
        if (job === undefined) return { kind: 'unknown' };
        if (job.state !== 'failed') return { kind: 'not_failed', job: summaryOf(job) };
        // A deadline that has passed would end it again at once; and nobody waits for it any more.
        const queued = await changed(
          db,
          sql`UPDATE jobs SET state = 'queued', generation = generation + 1, attempts = 0,
            error_code = NULL, error_message = NULL, error_retryable = NULL, next_attempt_at = NULL,
            deadline_at = CASE WHEN deadline_at > ${now} THEN deadline_at END,
            lane = 'bulk', queued_at = ${now}, touched_at = ${now}, started_at = NULL, finished_at = NULL
            WHERE seq = ${job.seq} RETURNING ${jobColumns}`,
        );
        return { kind: 'queued', job: summaryOf(queued) };
      });
    },
  };
}

/** Of a row that the transaction has locked. */
async function changed(db: Sql, update: ReturnType<typeof sql>): Promise<JobRow> {
  const [row] = await db.all<JobRow>(update);
  if (row === undefined) throw new Error('The locked job is gone');
  return row;
}
