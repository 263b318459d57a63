import { CasingCache } from 'drizzle-orm/casing';
import type { SQL } from 'drizzle-orm/sql/sql';

/**
 * From here, since `drizzle-orm` itself and its dialects load the query builders of all databases: 130 MB of memory more
 * than the templates alone, for each process. The tables (schema.ts) are for drizzle-kit and never loaded.
 */
export { sql, type SQL } from 'drizzle-orm/sql/sql';

export interface Statement {
  readonly text: string;
  readonly params: readonly unknown[];
}

const casing = new CasingCache();

/** `placeholder` is what stands for a parameter, which are counted from 1. */
export function statementOf(query: SQL, placeholder: (position: number) => string): Statement {
  const { sql: text, params } = query.toQuery({
    casing,
    escapeName: (name) => `"${name}"`,
    escapeParam: (index) => placeholder(index + 1),
    escapeString: (value) => `'${value.replaceAll("'", "''")}'`,
  });
  return { text, params };
}
