import type { JobStore } from '../job-store.ts';
import { type StoreMethod, storeMethods } from '../store-methods.ts';
import { createDatabaseThread, type DatabaseThreadOptions } from './database-thread.ts';

/** A job store whose SQLite lives in a thread of its own. */
export function createSqliteJobStore(options: Omit<DatabaseThreadOptions, 'program'>): JobStore {
  const program = new URL('sqlite-job-store-program.ts', import.meta.url);
  return createDatabaseThread<JobStore, StoreMethod>(storeMethods, { ...options, program });
}
