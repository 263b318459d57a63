import { createPostgresReader } from '../../src/store/postgres/postgres-reader.ts';
import type { ReadableDatabase } from '../../src/store/reader/readable-database.ts';
import { createResultReader, type ResultReader } from '../../src/store/reader/results.ts';
import { createSqliteReader } from '../../src/store/sqlite/sqlite-reader.ts';
import { logger } from './store-fixture.ts';

export async function openReader(databaseUrl: string, now?: () => number): Promise<ResultReader> {
  const reader = createResultReader({ databaseUrl, logger, ...(now && { now }) });
  await reader.ready;
  return reader;
}

/** What a reader reads through, without the thread around it. */
export async function openReadable(url: string): Promise<ReadableDatabase> {
  const database = url.startsWith('file:')
    ? createSqliteReader({ url, now: Date.now })
    : createPostgresReader({ url, logger, now: undefined });
  await database.open();
  return database;
}

/** Attempts to change something that would give rows back. */
export const writes: readonly string[] = [
  `UPDATE jobs SET state = 'canceled' RETURNING id`,
  'DELETE FROM lines RETURNING job_seq',
  `INSERT INTO leases (name, holder, expires_at) VALUES ('a', 'b', 1) RETURNING name`,
];

export const definitions: readonly string[] = ['CREATE TABLE made (value integer)', 'DROP TABLE lines'];
