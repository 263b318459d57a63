import { inboxKeyStart } from '../inbox-key.ts';
import { type SQL, sql } from '../statement.ts';
import type { ReaderDialect } from './readable-database.ts';

/**
 * FROM and WHERE of the failed jobs that still are of interest to somebody; lists and counts both go by it. A job of the
 * inbox that no file has any more is not: the file was replaced by a good one, or taken away. It can be followed by
 * `AND`, and is walked through in the order of the index `jobs_failed`.
 */
export function fromFailedJobs(dialect: ReaderDialect): SQL {
  // For EXISTS Postgres would put all files into a hash table, for a page of fifty, too.
  return sql`FROM ${dialect.failedJobs} WHERE state = 'failed' AND (
    coalesce(substr(idempotency_key, 1, ${sql.raw(String(inboxKeyStart.length))}), '') <> ${inboxKeyStart}
    OR (SELECT 1 FROM inbox_files WHERE job_id = jobs.id LIMIT 1) IS NOT NULL)`;
}

/** The same of the files of the inbox that no job could be made of. */
export const fromFailedFiles: SQL = sql`FROM inbox_files WHERE error_code IS NOT NULL`;

/** A column: how many failures there are in all. */
export function countFailures(dialect: ReaderDialect): SQL {
  return sql`(SELECT count(*) ${fromFailedJobs(dialect)}) + (SELECT count(*) ${fromFailedFiles})`;
}
