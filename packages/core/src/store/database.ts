import type { SQL } from './statement.ts';

/** Runs statements, one after the other. */
export interface Sql {
  /** Rows of a query or of a RETURNING clause. */
  all<Row>(query: SQL): Promise<Row[]>;
  /** How many rows a change reached. */
  run(query: SQL): Promise<number>;
}

/**
 * Either of the two databases. Whatever fails throws an OcrError. Callbacks await nothing but their statements and, where
 * they do much, the next turn of the event loop; they may be run again when the first try came to nothing.
 */
export interface Database {
  readonly dialect: Dialect;
  /** Milliseconds since the epoch, by the clock that all processes of this database go by. */
  now(): number;
  read<T>(use: (sql: Sql) => Promise<T>): Promise<T>;
  /** One transaction, durable on return; when `use` throws, nothing of it stays. */
  write<T>(use: (sql: Sql) => Promise<T>, options?: WriteOptions): Promise<T>;
}

export interface WriteOptions {
  /** For what nobody waits for and would never get through otherwise: a page with very many lines on a slow server. */
  readonly whenTooSlow?: 'try longer';
}

/** A database before its schema was looked at. */
export interface OpenableDatabase extends Database {
  /** Connects; throws an OcrError when that cannot be done yet. */
  open(): Promise<void>;
  readonly migrations: MigrationHost;
  close(): Promise<void>;
}

export interface MigrationHost {
  /** What this version of the program knows, in their order. */
  readonly known: readonly Migration[];
  /** Names of those that the database had, in their order. */
  applied(): Promise<string[]>;
  /** Brings the database up to date; waits while another process does. Throws when `applied` is not the start of `known`. */
  migrate(): Promise<void>;
}

export interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

export type ColumnType = 'text' | 'integer' | 'real';

/** A line with what makes it searchable. */
export interface LineRow {
  readonly [column: string]: unknown;
  readonly line_index: number;
  readonly text: string;
  readonly confidence: number;
  /** JSON */
  readonly box: string;
  /** Folded, separated by spaces: see line-words.ts. */
  readonly words: string;
}

/** What the databases say differently. */
export interface Dialect {
  /** Rows given as one parameter, for a FROM clause; NULL where a row lacks a column. */
  rows(rows: readonly object[], columns: Readonly<Record<string, ColumnType>>): SQL;
  /** `id` of those that were made: all but the ones whose id or idempotency key is known. Numbered in the order given. */
  insertJobs(jobs: { readonly rows: SQL; readonly columns: readonly string[]; readonly now: number }): SQL;
  /** After a SELECT: nobody else changes these rows before the transaction's end. */
  readonly forUpdate: SQL;
  /** The same, but passes over rows that somebody else is changing. */
  readonly forUpdateSkipLocked: SQL;
  /** In the order given. */
  insertLines(jobSeq: number, lines: readonly LineRow[]): readonly SQL[];
  /** `job_id`, `line_index`, `text`, `confidence`; newest jobs first. */
  findLines(query: { readonly words: readonly string[]; readonly limit: number }): SQL;
}
