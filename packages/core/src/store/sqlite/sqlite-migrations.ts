import type { Database as Connection } from 'better-sqlite3';
import { missingMigrations, readMigrations } from '../migrations.ts';

export const sqliteMigrations = readMigrations(new URL('migrations/', import.meta.url));

export function appliedMigrations(connection: Connection): string[] {
  const table = connection.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'`).get();
  if (table === undefined) return [];
  return connection.prepare<[], string>('SELECT name FROM schema_migrations ORDER BY position').pluck().all();
}

/** One transaction, under the database's only write lock: of processes that start together one migrates. */
export function migrateSqlite(connection: Connection): void {
  connection
    .transaction(() => {
      connection.exec(
        'CREATE TABLE IF NOT EXISTS schema_migrations (position INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)',
      );
      const missing = missingMigrations(sqliteMigrations, appliedMigrations(connection));
      const record = connection.prepare('INSERT INTO schema_migrations (position, name, applied_at) VALUES (?, ?, ?)');
      for (const migration of missing) {
        for (const statement of migration.statements) connection.exec(statement);
        record.run(sqliteMigrations.indexOf(migration), migration.name, Date.now());
      }
    })
    .exclusive();
}
