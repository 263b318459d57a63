import type { ColumnType } from '../database.ts';
import { queryWords } from '../line-words.ts';
import { encodeCursor, parseCursor } from '../list-cursor.ts';
import { sql } from '../statement.ts';
import type { Looking, OpenDatabase, ReaderDialect } from './readable-database.ts';
import type { LineMatch, MatchPage, MatchRow, SearchQuery } from './result-reader.ts';
import { findPlaces, matchesAJob, type PlaceRow, type Places } from './match-places.ts';
import { type ResultRowRow, rowOf, selectRows } from './result-rows.ts';
import { wordSpans } from './word-spans.ts';

/** See ResultReader.search. */
export async function searchResults(database: OpenDatabase, query: SearchQuery): Promise<MatchPage> {
  const belowSeq = query.cursor === undefined ? undefined : parseCursor(query.cursor);
  const words = queryWords(query.text);
  if (words.length === 0) return { rows: [] };
  const { dialect } = database;
  return database.read(async (db) => {
    // One more than asked for tells whether there is another page.
    const found = await findPlaces(db, { dialect, words, belowSeq, jobCount: query.limit + 1 });
    const places: Places = new Map([...found].slice(0, query.limit));
    const seqs = [...places.keys()];
    const last = seqs.at(-1);
    if (last === undefined) return { rows: [] };
    const listed = sql.join(
      seqs.map((seq) => sql`${seq}`),
      sql`, `,
    );
    const rows = await db.all<ResultRowRow>(selectRows(dialect, sql`seq IN (${listed})`));
    const matches = await readMatches(db, { dialect, words, places });
    return {
      rows: rows.map((row): MatchRow => ({
        ...rowOf(row),
        matches: matches.get(row.seq) ?? [],
        hasMoreMatches: (places.get(row.seq)?.length ?? 0) > matchesAJob,
      })),
      ...(found.size > places.size && { nextCursor: encodeCursor(last) }),
    };
  });
}

const placeColumns = { job_seq: 'integer', line_index: 'integer' } as const satisfies Record<
  keyof PlaceRow,
  ColumnType
>;

interface MatchedRow extends PlaceRow {
  readonly text: string;
  readonly confidence: number;
}

async function readMatches(
  db: Looking,
  {
    dialect,
    words,
    places,
  }: { readonly dialect: ReaderDialect; readonly words: readonly string[]; readonly places: Places },
): Promise<Map<number, LineMatch[]>> {
  const wanted: PlaceRow[] = [...places].flatMap(([job_seq, indexes]) =>
    indexes.slice(0, matchesAJob).map((line_index) => ({ job_seq, line_index })),
  );
  const rows = await db.all<MatchedRow>(
    sql`SELECT lines.job_seq, lines.line_index, text, confidence FROM ${dialect.rows(wanted, placeColumns)} AS wanted
      JOIN lines ON lines.job_seq = wanted.job_seq AND lines.line_index = wanted.line_index
      ORDER BY lines.job_seq, lines.line_index`,
  );
  const matches = new Map<number, LineMatch[]>();
  for (const { job_seq, line_index, text, confidence } of rows) {
    const match = { lineIndex: line_index, text, confidence, spans: wordSpans(text, words) };
    const known = matches.get(job_seq);
    if (known === undefined) matches.set(job_seq, [match]);
    else known.push(match);
  }
  return matches;
}
