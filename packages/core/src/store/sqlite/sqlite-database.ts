import { closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import Database, { type Database as Connection } from 'better-sqlite3';
import { OcrError } from '../../errors.ts';
import type { MigrationHost, OpenableDatabase, Sql } from '../database.ts';
import { databaseFileOf } from './database-file.ts';
import { lockTimeoutMs, retryLocked } from './lock-retry.ts';
import { sqlOf } from './prepared-sql.ts';
import { sqliteDialect } from './sqlite-dialect.ts';
import { describeSqliteFailure } from './sqlite-failure.ts';
import { appliedMigrations, migrateSqlite, sqliteMigrations } from './sqlite-migrations.ts';
import { WriteGroups } from './write-groups.ts';

/** SQLite waits for a lock in the calling thread, so not for long: the rest is done by retryLocked. */
const busyTimeoutMs = 20;
/** A write-ahead log that grew under load is cut back to this at a checkpoint. */
const walLimitBytes = 64 * 1024 * 1024;

interface OpenConnections {
  readonly writer: Connection;
  /** Sees what is committed only, and is not held up by writes. */
  readonly reader: Connection;
  readonly readerSql: Sql;
  readonly groups: WriteGroups;
}

export function createSqliteDatabase(options: { readonly url: string; readonly now: () => number }): OpenableDatabase {
  const file = databaseFileOf(options.url);
  const folder = path.dirname(file);
  let connections: OpenConnections | undefined;

  const opened = (): OpenConnections => {
    if (connections !== undefined) return connections;
    throw new OcrError('store_unavailable', 'The job store is not open yet');
  };
  const described = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw describeSqliteFailure(error, folder);
    }
  };
  const patiently = <T>(attempt: () => T | Promise<T>): Promise<T> =>
    described(() => retryLocked(attempt, { until: performance.now() + lockTimeoutMs }));

  const migrations: MigrationHost = {
    known: sqliteMigrations,
    applied: () => patiently(() => appliedMigrations(opened().writer)),
    migrate: () => patiently(() => migrateSqlite(opened().writer)),
  };
  return {
    dialect: sqliteDialect,
    now: options.now,
    migrations,
    async open() {
      await patiently(() => {
        connections ??= connect(file);
      });
    },
    read: (use) => patiently(() => use(opened().readerSql)),
    write: (use) => described(() => opened().groups.write(use)),
    async close() {
      const closing = connections;
      connections = undefined;
      await closing?.groups.close();
      closing?.reader.close();
      closing?.writer.close();
    },
  };
}

function connect(file: string): OpenConnections {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  // It holds what people have read: for this user only, as are then the files that SQLite makes beside it.
  closeSync(openSync(file, 'a', 0o600));
  const writer = new Database(file, { timeout: busyTimeoutMs });
  try {
    writer.pragma('journal_mode = WAL');
    writer.pragma('synchronous = FULL');
    writer.pragma('foreign_keys = ON');
    writer.pragma(`journal_size_limit = ${walLimitBytes}`);
    const reader = new Database(file, { timeout: busyTimeoutMs });
    reader.pragma('query_only = ON');
    return { writer, reader, readerSql: sqlOf(reader), groups: new WriteGroups(writer, sqlOf(writer)) };
  } catch (error) {
    writer.close();
    throw error;
  }
}
