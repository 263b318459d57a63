import { type SQL, sql } from '../statement.ts';
import type { ColumnType, Dialect, LineRow } from '../database.ts';
import { storableJson } from '../stored-text.ts';

/** Lines of newer jobs get larger row ids, and within a job the first line the largest: FTS5 lists them without a sort. */
export const maxLines = 2 ** 20;

export const sqliteDialect: Dialect = {
  rows,
  forUpdate: sql.empty(),
  forUpdateSkipLocked: sql.empty(),

  insertJobs({ rows: given, columns, now }) {
    const names = sql.raw(columns.join(', '));
    // Without a condition SQLite takes ON CONFLICT for a part of the join.
    return sql`INSERT INTO jobs (${names}, state, generation, attempts, created_at, queued_at, touched_at)
      SELECT ${names}, 'queued', 0, 0, ${now}, ${now}, ${now} FROM ${given} AS given WHERE true
      ON CONFLICT DO NOTHING RETURNING id`;
  },

  insertLines(jobSeq, lines) {
    const given = rows(
      lines.map((line) => ({ ...line, id: jobSeq * maxLines + (maxLines - 1 - line.line_index) })),
      lineColumns,
    );
    return [
      sql`INSERT INTO lines (id, job_seq, line_index, text, confidence, box)
        SELECT id, ${jobSeq}, line_index, text, confidence, box FROM ${given}`,
      sql`INSERT INTO line_words (rowid, words) SELECT id, words FROM ${given}`,
    ];
  },

  findLines({ words, limit }) {
    return sql`SELECT jobs.id AS job_id, lines.line_index, lines.text, lines.confidence
      FROM (SELECT rowid AS id FROM line_words WHERE line_words MATCH ${matchOf(words)} ORDER BY rowid DESC LIMIT ${limit}) AS found
      JOIN lines ON lines.id = found.id JOIN jobs ON jobs.seq = lines.job_seq
      ORDER BY found.id DESC`;
  },
};

/** Words hold letters and digits only; quoted, they are no operators of FTS5 either. */
export function matchOf(words: readonly string[]): string {
  return words.map((word, index) => `"${word}"${index === words.length - 1 ? '*' : ''}`).join(' ');
}

const lineColumns = {
  id: 'integer',
  line_index: 'integer',
  text: 'text',
  confidence: 'real',
  box: 'text',
  words: 'text',
} as const satisfies Record<keyof LineRow, ColumnType>;

/** Rows travel as JSON: one parameter and one statement for any number of them. */
function rows(given: readonly object[], columns: Readonly<Record<string, ColumnType>>): SQL {
  const selected = Object.keys(columns).map((name) => sql.raw(`value ->> '${name}' AS ${name}`));
  return sql`(SELECT ${sql.join(selected, sql`, `)} FROM json_each(${storableJson(given)}))`;
}
