import { randomUUID } from 'node:crypto';
import { type SQL, sql } from './statement.ts';
import type { ErrorCode } from '../errors.ts';
import type { Database, Sql } from './database.ts';
import type { JobStore, OutboxEvent } from './job-store.ts';
import type { JobRow } from './job-rows.ts';

interface EventRow {
  readonly id: string;
  readonly job_id: string;
  readonly url: string;
  readonly tries: number;
  readonly created_at: number;
  readonly due_at: number;
}

/** Part of the transaction that ends a job. */
export async function announceEnd(db: Sql, { job, at }: { readonly job: JobRow; readonly at: number }): Promise<void> {
  if (job.callback_url === null) return;
  await db.run(
    sql`INSERT INTO outbox (id, job_seq, job_id, url, tries, created_at, due_at)
      VALUES (${randomUUID()}, ${job.seq}, ${job.id}, ${job.callback_url}, 0, ${at}, ${at})`,
  );
}

export function createOutbox(
  database: Database,
): Pick<
  JobStore,
  | 'takeDueEvents'
  | 'markDelivered'
  | 'rescheduleEvent'
  | 'giveUpEvent'
  | 'returnEvents'
  | 'giveUpOldEvents'
  | 'countPendingEvents'
> {
  const settle = async (eventId: string, changes: SQL): Promise<void> => {
    await database.write((db) =>
      db.run(sql`UPDATE outbox SET settled_at = ${database.now()}, ${changes} WHERE id = ${eventId}`),
    );
  };
  return {
    async takeDueEvents({ limit, leaseMs }) {
      const now = database.now();
      const taken = await database.write((db) =>
        db.all<EventRow>(
          sql`WITH due AS MATERIALIZED (
              SELECT id FROM outbox WHERE settled_at IS NULL AND due_at <= ${now}
              ORDER BY due_at LIMIT ${limit} ${database.dialect.forUpdateSkipLocked})
            UPDATE outbox SET due_at = ${now + leaseMs} WHERE id IN (SELECT id FROM due)
            RETURNING id, job_id, url, tries, created_at, due_at`,
        ),
      );
      return taken.map(eventOf).toSorted((a, b) => a.createdAt - b.createdAt);
    },
    markDelivered: (eventId) => settle(eventId, sql`error_code = NULL`),
    giveUpEvent: (eventId: string, code: ErrorCode) => settle(eventId, sql`tries = tries + 1, error_code = ${code}`),
    async rescheduleEvent(eventId, { at, code }) {
      await database.write((db) =>
        db.run(
          sql`UPDATE outbox SET tries = tries + 1, error_code = ${code}, due_at = ${at}
            WHERE id = ${eventId} AND settled_at IS NULL`,
        ),
      );
    },
    async returnEvents(events) {
      if (events.length === 0) return;
      const listed = database.dialect.rows(
        events.map(({ id, takenUntil }) => ({ id, taken_until: takenUntil })),
        { id: 'text', taken_until: 'integer' },
      );
      await database.write((db) =>
        db.run(
          sql`UPDATE outbox SET due_at = ${database.now()} WHERE settled_at IS NULL
            AND (id, due_at) IN (SELECT id, taken_until FROM ${listed} AS listed)`,
        ),
      );
    },
    giveUpOldEvents: (query) => giveUpOldEvents(database, query),
    async countPendingEvents(limit) {
      const [row] = await database.read((db) =>
        db.all<{ count: number }>(
          // In the order of the index that holds no others: however many were settled is no matter.
          sql`SELECT count(*) AS count FROM (
            SELECT due_at FROM outbox WHERE settled_at IS NULL ORDER BY due_at LIMIT ${limit}) AS pending`,
        ),
      );
      return row?.count ?? 0;
    },
  };
}

type OldEventsQuery = Parameters<JobStore['giveUpOldEvents']>[0];

/** Looked for by a read: mostly there are none, and then nothing need be written. */
async function giveUpOldEvents(database: Database, { olderThanMs, code, limit }: OldEventsQuery): Promise<number> {
  const now = database.now();
  const old = await database.read((db) =>
    db.all<{ id: string }>(
      sql`SELECT id FROM outbox WHERE settled_at IS NULL AND due_at <= ${now} AND created_at < ${now - olderThanMs}
        ORDER BY due_at LIMIT ${limit}`,
    ),
  );
  if (old.length === 0) return 0;
  const listed = database.dialect.rows(old, { id: 'text' });
  return database.write((db) =>
    db.run(
      sql`UPDATE outbox SET settled_at = ${now}, error_code = ${code}
        WHERE id IN (SELECT id FROM ${listed} AS listed) AND settled_at IS NULL AND due_at <= ${now}`,
    ),
  );
}

function eventOf(row: EventRow): OutboxEvent {
  return {
    id: row.id,
    jobId: row.job_id,
    url: row.url,
    tries: row.tries,
    createdAt: row.created_at,
    takenUntil: row.due_at,
  };
}
