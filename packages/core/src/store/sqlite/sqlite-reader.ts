import { randomUUID } from 'node:crypto';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import Database, { type Database as Connection } from 'better-sqlite3';
import { OcrError } from '../../errors.ts';
import { missingMigrations, SchemaMismatchError } from '../migrations.ts';
import type { Looking, ReadableDatabase } from '../reader/readable-database.ts';
import { databaseFileOf } from './database-file.ts';
import { lockTimeoutMs, retryLocked } from './lock-retry.ts';
import { sqlOf } from './prepared-sql.ts';
import { describeSqliteFailure, isLocked, sqliteCodeOf } from './sqlite-failure.ts';
import { appliedMigrations, sqliteMigrations } from './sqlite-migrations.ts';
import { sqliteReaderDialect } from './sqlite-reader-dialect.ts';

/** See sqlite-database.ts. */
const busyTimeoutMs = 20;
/** The system keeps what is read often, too. */
const cacheKiB = 4_096;

interface OpenFile {
  readonly connection: Connection;
  readonly sql: Looking;
  /** The file that was opened, whatever has its name since. */
  readonly identity: string;
  readonly name: string;
}

/**
 * The file is opened for reading only and never made. While it is there it is read by whatever name has it: one that was
 * put in its place, say from a backup, is opened at the next call.
 */
export function createSqliteReader(options: { readonly url: string; readonly now: () => number }): ReadableDatabase {
  const file = databaseFileOf(options.url);
  const folder = path.dirname(file);
  let opened: OpenFile | undefined;
  let lastTurn: Promise<unknown> = Promise.resolve();

  const closeFile = (): void => {
    opened?.connection.close();
    opened = undefined;
  };
  const current = (): OpenFile => {
    if (opened !== undefined && opened.identity !== identityOf(file)) closeFile();
    opened ??= openFile(file);
    return opened;
  };
  const patiently = async <T>(attempt: (open: OpenFile) => Promise<T>): Promise<T> => {
    try {
      return await retryLocked(() => attempt(current()), { until: performance.now() + lockTimeoutMs });
    } catch (error) {
      // Whatever is wrong with the file, the next call looks at it anew.
      if (sqliteCodeOf(error) !== undefined && !isLocked(error)) closeFile();
      if (error instanceof SchemaMismatchError) throw error;
      throw describeFailure(error, folder);
    }
  };
  /** One after the other: they share a connection, and with it a transaction. */
  const inTurn = <T>(attempt: (open: OpenFile) => Promise<T>): Promise<T> => {
    const turn = lastTurn.then(() => patiently(attempt));
    lastTurn = turn.catch(() => undefined);
    return turn;
  };
  return {
    dialect: sqliteReaderDialect,
    now: options.now,
    open: () => inTurn(async () => undefined),
    read: (use) => inTurn((open) => readSnapshot(open, use)).catch(asUnavailable),
    version: () =>
      inTurn(async ({ connection, name }) => {
        const version: unknown = connection.pragma('data_version', { simple: true });
        return `${name}-${String(version)}`;
      }).catch(asUnavailable),
    async sizeBytes() {
      const sizes = [file, `${file}-wal`].map((name) => statSync(name, { throwIfNoEntry: false })?.size ?? 0);
      return sizes.reduce((sum, size) => sum + size, 0);
    },
    async close() {
      await lastTurn;
      closeFile();
    },
  };
}

function openFile(file: string): OpenFile {
  const identity = identityOf(file);
  if (identity === undefined) {
    throw new OcrError('store_unavailable', 'There are no results yet', {
      cause: new Error('the database does not exist yet; the first service that writes makes it'),
    });
  }
  const connection = new Database(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  try {
    connection.pragma('query_only = ON');
    // Not even a temporary file.
    connection.pragma('temp_store = MEMORY');
    connection.pragma(`cache_size = -${cacheKiB}`);
    const missing = missingMigrations(sqliteMigrations, appliedMigrations(connection));
    if (missing.length > 0) {
      throw new OcrError('store_unavailable', 'The results cannot be read yet', {
        cause: new Error(
          `${missing.length} migrations are missing; a service that writes brings the schema up to date`,
        ),
      });
    }
    if (identityOf(file) !== identity) throw new OcrError('store_unavailable', 'The database is being replaced');
    return { connection, sql: sqlOf(connection), identity, name: randomUUID().slice(0, 8) };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Undefined: there is none. */
function identityOf(file: string): string | undefined {
  try {
    const found = statSync(file, { throwIfNoEntry: false, bigint: true });
    return found && `${found.dev}:${found.ino}`;
  } catch (error) {
    throw new OcrError('store_unavailable', 'The results cannot be read yet', { cause: error });
  }
}

async function readSnapshot<T>({ connection, sql }: OpenFile, use: (db: Looking) => Promise<T>): Promise<T> {
  connection.exec('BEGIN');
  try {
    return await use(sql);
  } finally {
    if (connection.inTransaction) connection.exec('COMMIT');
  }
}

/** A process that runs already goes on when the file is replaced by one that it cannot read. */
function asUnavailable(error: unknown): never {
  if (!(error instanceof SchemaMismatchError)) throw error;
  throw new OcrError('store_unavailable', 'The results cannot be read', { cause: error });
}

/** SQLite shares its index of the write-ahead log among processes in a file of its own, which somebody has to make. */
function describeFailure(error: unknown, folder: string): OcrError {
  const described = describeSqliteFailure(error, folder);
  if (!/^SQLITE_(CANTOPEN|READONLY)/.test(sqliteCodeOf(error) ?? '') || isWritable(folder)) return described;
  const cause = new Error(
    `${described.cause instanceof Error ? described.cause.message : ''}: the database's folder cannot be written, and no ` +
      'service that can write there has the database open. SQLite has to make the files -shm and -wal beside it to read it',
  );
  return new OcrError('store_unavailable', 'The results cannot be read yet', { cause });
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
