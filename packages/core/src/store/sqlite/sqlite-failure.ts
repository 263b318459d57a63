import { statfsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { OcrError } from '../../errors.ts';

/** A full disk shows up as an I/O error where SQLite extends its shared memory or creates a file. */
const spaceNeededBytes = 1024 * 1024;

/** SQLite's own name of the error, such as SQLITE_BUSY; undefined: it is not SQLite's. */
export function sqliteCodeOf(thrown: unknown): string | undefined {
  return thrown instanceof Database.SqliteError ? thrown.code : undefined;
}

export function isLocked(thrown: unknown): boolean {
  const code = sqliteCodeOf(thrown);
  return code !== undefined && /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(code);
}

/** What users may know of it; for operators the cause tells SQLite's code and message, which hold no values. */
export function describeSqliteFailure(thrown: unknown, folder: string): OcrError {
  if (thrown instanceof OcrError) return thrown;
  const code = sqliteCodeOf(thrown);
  if (code === undefined) return OcrError.from(thrown);
  const cause = new Error(`${code}: ${thrown instanceof Error ? thrown.message : ''}`);
  if (code.startsWith('SQLITE_FULL')) return new OcrError('storage_full', 'The job store is full', { cause });
  if (isLocked(thrown)) return new OcrError('store_unavailable', 'The job store is busy', { cause });
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY)/.test(code)) {
    return isFull(folder)
      ? new OcrError('storage_full', 'The job store is full', { cause })
      : new OcrError('store_unavailable', 'The job store cannot be used', { cause });
  }
  return new OcrError('internal', 'Something went wrong on our side', { cause });
}

function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < spaceNeededBytes;
  } catch {
    return false;
  }
}
