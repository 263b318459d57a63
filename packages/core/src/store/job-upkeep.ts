import { type SQL, sql } from './statement.ts';
import { OcrError } from '../errors.ts';
import { errorColumns, withoutClaim } from './claims.ts';
import type { Database } from './database.ts';
import { type JobRow, jobColumns, pendingOf, stateIn, summaryOf } from './job-rows.ts';
import type { JobStore, PendingJob } from './job-store.ts';
import { clockSlackMs } from './leases.ts';
import { announceEnd } from './outbox.ts';

/** SQLite works in our own thread: long pieces of work are cut into short transactions. A job may have many lines. */
const deletesAtOnce = 50;
const resendsAtOnce = 250;
/** Longer than any worker asks for: a lease that ends later was given before the clock was set back. */
const longestLeaseMs = 10 * 60_000;

/** What keeps queue, store and blobs in line with each other. */
export function createJobUpkeep(
  database: Database,
): Pick<JobStore, 'pending' | 'resend' | 'expireDeadlines' | 'deleteFinished' | 'blobsInUse'> {
  return {
    async pending({ untouchedSince, after = '', limit }) {
      const now = database.now();
      const rows = await database.read((db) =>
        db.all<JobRow>(
          // One condition for both states, so that SQLite goes by the ids.
          sql`SELECT ${jobColumns} FROM jobs WHERE finished_at IS NULL AND id > ${after}
              AND CASE state WHEN 'queued' THEN touched_at <= ${untouchedSince} OR touched_at > ${now + clockSlackMs}
                ELSE ${hasRunOut(now)} END
            ORDER BY id LIMIT ${limit}`,
        ),
      );
      return rows.map(pendingOf);
    },
    resend: (jobs) => resend(database, jobs),

    async expireDeadlines(limit) {
      const now = database.now();
      const error = new OcrError('deadline_exceeded', 'The job did not end before its deadline').toWire();
      return database.write(async (db) => {
        const expired = await db.all<JobRow>(
          sql`WITH expired AS MATERIALIZED (
              SELECT seq FROM jobs WHERE finished_at IS NULL AND deadline_at IS NOT NULL AND deadline_at <= ${now}
              ORDER BY deadline_at LIMIT ${limit} ${database.dialect.forUpdateSkipLocked})
            UPDATE jobs SET state = 'failed', ${errorColumns(error)}, ${withoutClaim}, next_attempt_at = NULL,
              touched_at = ${now}, finished_at = ${now}
            WHERE seq IN (SELECT seq FROM expired)
            RETURNING ${jobColumns}`,
        );
        for (const job of expired) await announceEnd(db, { job, at: now });
        return expired.map(summaryOf);
      });
    },

    deleteFinished: (query) => deleteFinished(database, query),

    async blobsInUse(sha256s) {
      if (sha256s.length === 0) return new Set();
      const wanted = database.dialect.rows(
        sha256s.map((sha256) => ({ sha256 })),
        { sha256: 'text' },
      );
      const named = (column: SQL, condition = sql`true`): SQL =>
        sql`SELECT ${column} AS sha256 FROM jobs
          WHERE ${column} IS NOT NULL AND ${column} IN (SELECT sha256 FROM ${wanted} AS wanted) AND ${condition}`;
      const rows = await database.read((db) =>
        db.all<{ sha256: string }>(
          sql`${named(sql`blob_sha256`, stateIn(['queued', 'active', 'failed']))}
            UNION ${named(sql`preview_sha256`)} UNION ${named(sql`thumbnail_sha256`)}`,
        ),
      );
      return new Set(rows.map((row) => row.sha256));
    },
  };
}

function hasRunOut(now: number): SQL {
  return sql`(lease_until <= ${now} OR lease_until > ${now + longestLeaseMs})`;
}

type DeleteQuery = Parameters<JobStore['deleteFinished']>[0];

async function deleteFinished(database: Database, { finishedBefore, limit }: DeleteQuery): Promise<number> {
  // An event that waits to be delivered needs its job: the job stays until then.
  const deleteSome = (count: number): Promise<number> =>
    database.write(
      (db) =>
        db.run(
          sql`WITH old AS MATERIALIZED (
              SELECT seq FROM jobs WHERE finished_at < ${finishedBefore}
                AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.job_seq = jobs.seq AND settled_at IS NULL)
              ORDER BY finished_at LIMIT ${count} ${database.dialect.forUpdateSkipLocked})
            DELETE FROM jobs WHERE seq IN (SELECT seq FROM old)`,
        ),
      { whenTooSlow: 'try longer' },
    );
  let deleted = 0;
  while (deleted < limit) {
    const count = Math.min(deletesAtOnce, limit - deleted);
    const done = await deleteSome(count);
    deleted += done;
    if (done < count) break;
  }
  return deleted;
}

async function resend(database: Database, jobs: readonly PendingJob[]): Promise<PendingJob[]> {
  const sent: PendingJob[] = [];
  for (let at = 0; at < jobs.length; at += resendsAtOnce) {
    sent.push(...(await resendSome(database, jobs.slice(at, at + resendsAtOnce))));
  }
  return sent.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** A lost run is no failed attempt, so that what its claim counted is taken back. */
async function resendSome(database: Database, jobs: readonly PendingJob[]): Promise<PendingJob[]> {
  const now = database.now();
  const listed = database.dialect.rows(
    jobs.map(({ id, generation, state }) => ({ id, generation, state })),
    { id: 'text', generation: 'integer', state: 'text' },
  );
  const sent = await database.write((db) =>
    db.all<JobRow>(
      // One condition for both states, so that SQLite goes by the ids.
      sql`UPDATE jobs SET state = 'queued', generation = generation + 1,
          attempts = attempts - CASE WHEN state = 'active' THEN 1 ELSE 0 END, ${withoutClaim},
          queued_at = CASE WHEN next_attempt_at > ${now} THEN next_attempt_at ELSE ${now} END, touched_at = ${now}
        WHERE (id, generation, state) IN (SELECT id, generation, state FROM ${listed} AS listed)
          AND CASE state WHEN 'queued' THEN true WHEN 'active' THEN ${hasRunOut(now)} ELSE false END
        RETURNING ${jobColumns}`,
    ),
  );
  return sent.map(pendingOf);
}
