import type { ReaderDialect } from '../reader/readable-database.ts';
import { type SQL, sql } from '../statement.ts';
import { matchOf, postgresDialect } from './postgres-dialect.ts';

export const postgresReaderDialect: ReaderDialect = {
  rows: postgresDialect.rows,

  failedJobs: sql`jobs`,

  jsonArray: (column) => sql`CAST(json_agg(${column}) AS text)`,

  findMatches: ({ words, belowSeq, limit }) =>
    // Without `+ 0` the planner walks through all lines when it takes a rare word for a common one.
    sql`SELECT job_seq, line_index FROM lines WHERE ${isMatch(words)} AND ${isOlder(belowSeq)}
      ORDER BY job_seq + 0 DESC, line_index LIMIT ${limit}`,

  // OFFSET keeps the planner from looking the words up in the whole index.
  findInRange: ({ words, fromSeq, belowSeq }) =>
    sql`SELECT job_seq, line_index, text FROM (
        SELECT job_seq, line_index, text, words FROM lines WHERE job_seq >= ${fromSeq} AND ${isOlder(belowSeq)}
        OFFSET 0) AS in_range
      WHERE ${isMatch(words)} ORDER BY job_seq DESC, line_index`,
};

function isMatch(words: readonly string[]): SQL {
  return sql`words @@ CAST(${matchOf(words)} AS tsquery)`;
}

function isOlder(belowSeq: number | undefined): SQL {
  return belowSeq === undefined ? sql`true` : sql`job_seq < ${belowSeq}`;
}
