import type { Dialect, Sql } from '../database.ts';
import type { SQL } from '../statement.ts';

/** Looks, and changes nothing. */
export type Looking = Pick<Sql, 'all'>;

/** Either of the two databases, opened for reading only. Whatever fails throws an OcrError. */
export interface OpenDatabase {
  readonly dialect: ReaderDialect;
  /** Milliseconds since the epoch, by the clock that all processes of this database go by. */
  now(): number;
  /** All that `use` sees is of one moment. It awaits nothing but its queries. */
  read<T>(use: (db: Looking) => Promise<T>): Promise<T>;
  /** Another one after each commit of anybody. */
  version(): Promise<string>;
  sizeBytes(): Promise<number>;
}

export interface ReadableDatabase extends OpenDatabase {
  /**
   * Connects. Throws an OcrError when that cannot be done yet or migrations are missing, SchemaMismatchError when the schema
   * is none of ours.
   */
  open(): Promise<void>;
  close(): Promise<void>;
}

/** Lines that hold the words, of jobs before `belowSeq`. */
export interface MatchQuery {
  readonly words: readonly string[];
  readonly belowSeq: number | undefined;
  readonly limit: number;
}

export interface RangeQuery {
  readonly words: readonly string[];
  /** The oldest job of the range. */
  readonly fromSeq: number;
  readonly belowSeq: number | undefined;
}

/** What the databases say differently. */
export interface ReaderDialect extends Pick<Dialect, 'rows'> {
  /** The table of the jobs, where those that failed are wanted in the order of their ends. */
  readonly failedJobs: SQL;
  /** Aggregates a column into the text of a JSON array, or NULL. */
  jsonArray(column: SQL): SQL;
  /** `job_seq`, `line_index` of lines that hold the words, newest jobs first, lines in their order. */
  findMatches(query: MatchQuery): SQL;
  /** Of all lines of a range of jobs at least those that hold the words, with their `text`; in the same order. */
  findInRange(query: RangeQuery): SQL;
}
