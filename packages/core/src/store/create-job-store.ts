import type { Logger } from '../logging.ts';
import type { OpenableDatabase } from './database.ts';
import { databaseKindOf } from './database-kind.ts';
import { deferredPort } from './deferred-port.ts';
import type { JobStore } from './job-store.ts';
import { openStore } from './open-store.ts';
import { storeMethods } from './store-methods.ts';
import { createSqliteJobStore } from './sqlite/sqlite-job-store.ts';

export interface JobStoreOptions {
  /** `file:PATH` (SQLite) or `postgres://…` */
  readonly databaseUrl: string;
  /** `never`: waits until somebody else has brought the schema up to date. */
  readonly migrate: 'auto' | 'never';
  readonly logger: Logger;
  /** Milliseconds since the epoch; for tests. */
  readonly now?: () => number;
}

/**
 * Opens and, where it may, migrates in the background; until then everything throws `store_unavailable`. Of the two
 * implementations only the one that is needed is loaded.
 */
export function createJobStore(options: JobStoreOptions): JobStore {
  const { databaseUrl: url, migrate, logger, now } = options;
  if (databaseKindOf(url) === 'sqlite') return createSqliteJobStore({ url, migrate, logger, now });
  return deferredPort(storeMethods, async () => {
    const [{ assembleJobStore }, database] = await Promise.all([
      import('./assemble-job-store.ts'),
      loadPostgres(options),
    ]);
    return assembleJobStore(database, { migrate, logger });
  });
}

/** Brings the schema up to date, waiting for the database as long as it takes. Throws SchemaMismatchError. */
export async function migrateJobStore(options: Pick<JobStoreOptions, 'databaseUrl' | 'logger'>): Promise<void> {
  const isSqlite = databaseKindOf(options.databaseUrl) === 'sqlite';
  const database = await (isSqlite ? loadSqlite(options) : loadPostgres(options));
  try {
    await openStore(database, { migrate: 'auto', logger: options.logger, signal: new AbortController().signal });
  } finally {
    await database.close();
  }
}

async function loadSqlite({ databaseUrl: url }: Pick<JobStoreOptions, 'databaseUrl'>): Promise<OpenableDatabase> {
  const { createSqliteDatabase } = await import('./sqlite/sqlite-database.ts');
  return createSqliteDatabase({ url, now: Date.now });
}

async function loadPostgres({
  databaseUrl: url,
  logger,
  now,
}: Pick<JobStoreOptions, 'databaseUrl' | 'logger' | 'now'>): Promise<OpenableDatabase> {
  const { createPostgresDatabase } = await import('./postgres/postgres-database.ts');
  return createPostgresDatabase({ url, logger, now });
}
