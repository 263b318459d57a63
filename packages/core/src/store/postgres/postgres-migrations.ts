import pg from 'pg';
import { missingMigrations, readMigrations } from '../migrations.ts';

export const postgresMigrations = readMigrations(new URL('migrations/', import.meta.url));

/** Any number, as long as it stays the same: of processes that start together, the holder of this lock migrates. */
const lockKey = 4_715_072_563;
const lockTimeoutMs = 60_000;
const connectTimeoutMs = 2_000;
/** Whoever was stopped in the middle keeps nobody else from it. */
const idleInTransactionMs = 10_000;

export async function appliedMigrations(client: pg.ClientBase | pg.Pool): Promise<string[]> {
  const table = await client.query<{ found: boolean }>(`SELECT to_regclass('schema_migrations') IS NOT NULL AS found`);
  if (table.rows[0]?.found !== true) return [];
  const applied = await client.query<{ name: string }>('SELECT name FROM schema_migrations ORDER BY position');
  return applied.rows.map(({ name }) => name);
}

/** One transaction, on a connection without the short timeouts of the others. */
export async function migratePostgres(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [lockKey]);
    await client.query(
      'CREATE TABLE IF NOT EXISTS schema_migrations (position integer PRIMARY KEY, name text NOT NULL, applied_at bigint NOT NULL)',
    );
    for (const migration of missingMigrations(postgresMigrations, await appliedMigrations(client))) {
      for (const statement of migration.statements) await client.query(statement);
      await client.query('INSERT INTO schema_migrations (position, name, applied_at) VALUES ($1, $2, $3)', [
        postgresMigrations.indexOf(migration),
        migration.name,
        Date.now(),
      ]);
    }
    await client.query('COMMIT');
  } finally {
    // Without a COMMIT the server rolls back.
    await client.end().catch(() => undefined);
  }
}
