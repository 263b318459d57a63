import { sql } from '../statement.ts';
import type { ColumnType, Dialect } from '../database.ts';
import { storableJson } from '../stored-text.ts';

const postgresTypes: Readonly<Record<ColumnType, string>> = {
  text: 'text',
  integer: 'bigint',
  real: 'double precision',
};

/** How many lines a search looks through before it asks the index of the words. */
const leastNewestLines = 5_000;
const newestLinesPerMatch = 20;

const rows: Dialect['rows'] = (given, columns) => {
  const typed = Object.entries(columns).map(([name, type]) => `${name} ${postgresTypes[type]}`);
  return sql`(SELECT * FROM json_to_recordset(CAST(${storableJson(given)} AS json)) AS given_rows(${sql.raw(typed.join(', '))}))`;
};

export const postgresDialect: Dialect = {
  rows,
  forUpdate: sql`FOR UPDATE`,
  forUpdateSkipLocked: sql`FOR UPDATE SKIP LOCKED`,

  insertJobs({ rows: given, columns, now }) {
    const names = sql.raw(columns.join(', '));
    const time = sql`CAST(${now} AS bigint)`;
    // Inserted by idempotency key: calls with the same keys wait for each other, and in the same order they never deadlock.
    return sql`WITH numbered AS MATERIALIZED (
        SELECT nextval(pg_get_serial_sequence('jobs', 'seq')) AS seq, given.* FROM ${given} AS given)
      INSERT INTO jobs (seq, ${names}, state, generation, attempts, created_at, queued_at, touched_at) OVERRIDING SYSTEM VALUE
      SELECT seq, ${names}, 'queued', 0, 0, ${time}, ${time}, ${time} FROM numbered ORDER BY idempotency_key
      ON CONFLICT DO NOTHING RETURNING id`;
  },

  insertLines(jobSeq, lines) {
    const given = rows(lines, {
      line_index: 'integer',
      text: 'text',
      confidence: 'real',
      box: 'text',
      words: 'text',
    });
    return [
      sql`INSERT INTO lines (job_seq, line_index, text, confidence, box, words)
        SELECT CAST(${jobSeq} AS bigint), line_index, text, confidence, box, array_to_tsvector(string_to_array(words, ' '))
        FROM ${given} AS given`,
    ];
  },

  findLines({ words, limit }) {
    const columns = sql.raw('job_seq, line_index, text, confidence');
    const isMatch = sql`words @@ CAST(${matchOf(words)} AS tsquery)`;
    const newest = Math.max(leastNewestLines, newestLinesPerMatch * limit);
    // The planner cannot know whether a word is rare, and walks through all lines if it is and that was not expected.
    // So common words are found among the newest lines; all others by the index, which `+ 0` makes the only way.
    return sql`WITH recent AS MATERIALIZED (
        SELECT ${columns} FROM (SELECT * FROM lines ORDER BY job_seq DESC, line_index LIMIT ${newest}) AS newest
        WHERE ${isMatch} ORDER BY job_seq DESC, line_index LIMIT ${limit}),
      older AS MATERIALIZED (
        SELECT ${columns} FROM lines WHERE (SELECT count(*) FROM recent) < ${limit} AND ${isMatch}
        ORDER BY job_seq + 0 DESC, line_index LIMIT ${limit}),
      found AS (
        SELECT * FROM older UNION ALL SELECT * FROM recent WHERE (SELECT count(*) FROM recent) >= ${limit})
      SELECT jobs.id AS job_id, line_index, text, confidence FROM found JOIN jobs ON jobs.seq = job_seq
      ORDER BY job_seq DESC, line_index`;
  },
};

/** Words hold letters and digits only, so that none can end its quotes. */
export function matchOf(words: readonly string[]): string {
  return words.map((word, index) => `'${word}'${index === words.length - 1 ? ':*' : ''}`).join(' & ');
}
