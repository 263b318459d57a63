import { encodeCursor, parseCursor } from '../list-cursor.ts';
import { type SQL, sql } from '../statement.ts';
import type { OpenDatabase } from './readable-database.ts';
import type { ResultPage, ResultsQuery } from './result-reader.ts';
import { type ResultRowRow, rowOf, selectRows } from './result-rows.ts';

/** See ResultReader.results. Each state is a list of its own in the index. */
export async function listResults(database: OpenDatabase, query: ResultsQuery): Promise<ResultPage> {
  const older = query.cursor === undefined ? sql`true` : sql`seq < ${parseCursor(query.cursor)}`;
  const states = query.states && [...new Set(query.states)];
  if (states?.length === 0) return { rows: [] };
  // One more than asked for tells whether there is another page.
  const newest = sql`ORDER BY seq DESC LIMIT ${query.limit + 1}`;
  const ofOneState = (state: string): SQL =>
    sql`SELECT seq FROM (SELECT seq FROM jobs WHERE state = ${state} AND ${older} ${newest}) AS of_one_state`;
  const jobs =
    states === undefined
      ? sql`${older} ${newest}`
      : sql`seq IN (${sql.join(
          states.map((state) => ofOneState(state)),
          sql` UNION ALL `,
        )}) ${newest}`;
  const rows = await database.read((db) => db.all<ResultRowRow>(selectRows(database.dialect, jobs)));
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    rows: page.map(rowOf),
    ...(last !== undefined && rows.length > page.length && { nextCursor: encodeCursor(last.seq) }),
  };
}
