import type { Database as Connection, Statement } from 'better-sqlite3';
import type { Sql } from '../database.ts';
import { type SQL, statementOf } from '../statement.ts';

/** Statements stay prepared: their texts are few, since rows travel in one parameter. */
export function sqlOf(connection: Connection): Sql {
  const prepared = new Map<string, Statement>();
  const prepare = (text: string): Statement => {
    const known = prepared.get(text);
    if (known !== undefined) return known;
    const statement = connection.prepare(text);
    prepared.set(text, statement);
    return statement;
  };
  return {
    async all<Row>(query: SQL) {
      const { text, params } = statementOf(query, () => '?');
      return prepare(text).all(...params) as Row[];
    },
    async run(query) {
      const { text, params } = statementOf(query, () => '?');
      return prepare(text).run(...params).changes;
    },
  };
}
