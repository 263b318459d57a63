import { type SQL, sql } from './statement.ts';
import type { Database, Sql } from './database.ts';
import { type JobRow, jobColumns, type LineOfJobRow, resultOf, stateIn, summaryOf } from './job-rows.ts';
import { type JobPage, type JobRecord, jobStates, type JobState, type JobStore, type ListQuery } from './job-store.ts';
import { queryWords } from './line-words.ts';
import { encodeCursor, parseCursor } from './list-cursor.ts';
import { QueuePositions } from './queue-positions.ts';

/** What changes nothing. */
export function createJobQueries(
  database: Database,
): Pick<
  JobStore,
  'get' | 'states' | 'list' | 'position' | 'countUnfinished' | 'countByState' | 'countFinishedSince' | 'searchLines'
> {
  const positions = new QueuePositions(database);
  return {
    get: (id) => database.read((db) => get(db, id)),

    async states(ids) {
      if (ids.length === 0) return new Map();
      const wanted = database.dialect.rows(
        ids.map((id) => ({ id })),
        { id: 'text' },
      );
      const rows = await database.read((db) =>
        db.all<{ id: string; state: JobState }>(
          sql`SELECT id, state FROM jobs WHERE id IN (SELECT id FROM ${wanted} AS wanted)`,
        ),
      );
      return new Map(rows.map(({ id, state }) => [id, state]));
    },

    list: (query) => list(database, query),
    position: (id) => positions.positionOf(id),
    countUnfinished: () => count(database, sql`SELECT count(*) AS count FROM jobs WHERE finished_at IS NULL`),
    countFinishedSince: (since) =>
      count(
        database,
        sql`SELECT count(*) AS count FROM jobs
          WHERE finished_at >= ${since} AND started_at IS NOT NULL AND state <> 'canceled'`,
      ),

    async countByState() {
      const rows = await database.read((db) =>
        db.all<{ state: JobState; count: number }>(sql`SELECT state, count(*) AS count FROM jobs GROUP BY state`),
      );
      const counts = { queued: 0, active: 0, succeeded: 0, failed: 0, canceled: 0 };
      for (const row of rows) counts[row.state] = row.count;
      return counts;
    },

    async searchLines({ text, limit }) {
      const words = queryWords(text);
      if (words.length === 0) return [];
      const rows = await database.read((db) =>
        db.all<{ job_id: string; line_index: number; text: string; confidence: number }>(
          database.dialect.findLines({ words, limit }),
        ),
      );
      return rows.map((row) => ({
        jobId: row.job_id,
        lineIndex: row.line_index,
        text: row.text,
        confidence: row.confidence,
      }));
    },
  };
}

async function get(db: Sql, id: string): Promise<JobRecord | undefined> {
  const query = sql`SELECT ${jobColumns} FROM jobs WHERE id = ${id}`;
  const [row] = await db.all<JobRow>(query);
  if (row?.state !== 'succeeded') return row && summaryOf(row);
  const lines = await db.all<LineOfJobRow>(
    sql`SELECT text, confidence, box FROM lines WHERE job_seq = ${row.seq} ORDER BY line_index`,
  );
  // No lines may mean a blank page, or a job that was deleted just now.
  if (lines.length === 0 && (await db.all(query)).length === 0) return undefined;
  return { ...summaryOf(row), result: resultOf(row, lines) };
}

async function count(database: Database, query: SQL): Promise<number> {
  const [row] = await database.read((db) => db.all<{ count: number }>(query));
  return row?.count ?? 0;
}

/** Each state is a list of its own in the index; a batch is short enough to be filtered. */
async function list(database: Database, query: ListQuery): Promise<JobPage> {
  const before = query.cursor === undefined ? undefined : parseCursor(query.cursor);
  const older = before === undefined ? sql`true` : sql`seq < ${before}`;
  const rowCount = query.limit + 1;
  const select = (condition: SQL): SQL =>
    sql`SELECT ${jobColumns} FROM jobs WHERE ${condition} AND ${older} ORDER BY seq DESC LIMIT ${rowCount}`;
  const states = query.states && new Set(query.states);
  if (states?.size === 0) return { jobs: [] };

  const rows = await database.read(async (db) => {
    if (query.batchId !== undefined) {
      return db.all<JobRow>(select(sql`batch_id = ${query.batchId} AND ${stateIn([...(states ?? jobStates)])}`));
    }
    if (states === undefined) return db.all<JobRow>(select(sql`true`));
    // One statement, since a job that changes its state between two of them would be on the page twice or not at all.
    const lists = [...states].map((state) => sql`SELECT * FROM (${select(sql`state = ${state}`)}) AS of_one_state`);
    return db.all<JobRow>(sql`${sql.join(lists, sql` UNION ALL `)} ORDER BY seq DESC LIMIT ${rowCount}`);
  });
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    jobs: page.map(summaryOf),
    ...(last !== undefined && rows.length > page.length && { nextCursor: encodeCursor(last.seq) }),
  };
}
