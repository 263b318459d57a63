import { DatabaseSync } from 'node:sqlite';
import type { TestDatabase } from './test-database.ts';

/** Longer than the services write in one go. */
const busyTimeoutMs = 10_000;
/** As long as they mostly write; whoever asks does so again. */
const shortTimeoutMs = 500;

/** Opens a file that is there. */
export function openSqliteDatabase(path: string): TestDatabase {
  const open = (timeout = busyTimeoutMs): DatabaseSync => new DatabaseSync(path, { timeout });
  const database = open();
  return {
    dialect: 'sqlite',
    async query<Row>(sql: string) {
      if (/^\s*SELECT/i.test(sql)) return database.prepare(sql).all() as Row[];
      database.exec(sql);
      return [];
    },
    async lock() {
      // Of its own: the other one is asked meanwhile.
      const locker = open();
      locker.exec('BEGIN IMMEDIATE');
      return async () => {
        locker.exec('ROLLBACK');
        locker.close();
      };
    },
    async canWrite() {
      const writer = open(shortTimeoutMs);
      try {
        writer.exec('BEGIN IMMEDIATE; ROLLBACK');
        return true;
      } catch {
        return false;
      } finally {
        writer.close();
      }
    },
    async close() {
      database.close();
    },
  };
}
