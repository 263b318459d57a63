import type { ReaderDialect } from '../reader/readable-database.ts';
import { type SQL, sql } from '../statement.ts';
import { maxLines, matchOf, sqliteDialect } from './sqlite-dialect.ts';

export const sqliteReaderDialect: ReaderDialect = {
  rows: sqliteDialect.rows,

  // It would rather sort those of the index of states.
  failedJobs: sql`jobs INDEXED BY jobs_failed`,

  jsonArray: (column) => sql`json_group_array(${column})`,

  findMatches: ({ words, belowSeq, limit }) =>
    sql`SELECT rowid / ${lines} AS job_seq, ${lines} - 1 - rowid % ${lines} AS line_index
      FROM line_words WHERE line_words MATCH ${matchOf(words)} AND ${isOlder('rowid', belowSeq)}
      ORDER BY rowid DESC LIMIT ${limit}`,

  // The words of a line are nowhere but in the index.
  findInRange: ({ fromSeq, belowSeq }) =>
    sql`SELECT job_seq, line_index, text FROM lines
      WHERE id >= CAST(${fromSeq * maxLines} AS INTEGER) AND ${isOlder('id', belowSeq)} ORDER BY id DESC`,
};

const lines = sql.raw(String(maxLines));

/** FTS5 goes to the row at once only when it is given as an integer; a parameter is a real number. */
function isOlder(id: 'rowid' | 'id', belowSeq: number | undefined): SQL {
  if (belowSeq === undefined) return sql`true`;
  return sql`${sql.raw(id)} < CAST(${belowSeq * maxLines} AS INTEGER)`;
}
