import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { getTableConfig as describePostgres } from 'drizzle-orm/pg-core';
import { getTableConfig as describeSqlite } from 'drizzle-orm/sqlite-core';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as postgresSchema from '../../src/store/postgres/schema.ts';
import * as sqliteSchema from '../../src/store/sqlite/schema.ts';
import { createJobStore, migrateJobStore, SchemaMismatchError } from '../../src/store/store.ts';
import { acceptOne, databaseKinds, logger, openStore, type TestDatabases } from './store-fixture.ts';

/** Changes the database past the store's back. */
async function execute(url: string, statement: string): Promise<void> {
  if (url.startsWith('file:')) {
    const file = url.slice('file:'.length);
    mkdirSync(path.dirname(file), { recursive: true });
    const connection = new Database(file);
    connection.exec(statement);
    connection.close();
    return;
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

describe.each(databaseKinds)('$name', ({ start }) => {
  let databases: TestDatabases;
  let url: string;
  beforeAll(async () => {
    databases = await start();
  });
  afterAll(() => databases.stop());
  beforeEach(async () => {
    url = await databases.newUrl();
  });

  test('refuses a schema of a newer version, and leaves it as it is', async () => {
    const first = await openStore(url);
    const job = await acceptOne(first);
    await first.close();
    await execute(url, `INSERT INTO schema_migrations (position, name, applied_at) VALUES (99, '0099_of_tomorrow', 0)`);
    for (const migrate of ['auto', 'never'] as const) {
      const store = createJobStore({ databaseUrl: url, migrate, logger });
      await expect(store.ready).rejects.toThrow(SchemaMismatchError);
      await expect(store.ready).rejects.toThrow('0099_of_tomorrow');
      await expect(store.get(job.id)).rejects.toMatchObject({ code: 'store_unavailable' });
      await store.close();
    }
    await expect(migrateJobStore({ databaseUrl: url, logger })).rejects.toThrow(SchemaMismatchError);
    await execute(url, 'DELETE FROM schema_migrations WHERE position = 99');
    const again = await openStore(url);
    expect((await again.get(job.id))?.state).toBe('queued');
    await again.close();
  });

  test('with migrate: never it waits for the migration command', async () => {
    const store = createJobStore({ databaseUrl: url, migrate: 'never', logger });
    const opened = store.ready.then(() => 'open');
    expect(await Promise.race([opened, delay(700, 'waiting')])).toBe('waiting');
    await expect(acceptOne(store)).rejects.toMatchObject({ code: 'store_unavailable' });
    await migrateJobStore({ databaseUrl: url, logger });
    expect(await opened).toBe('open');
    await acceptOne(store);
    await store.close();
    // Nothing is left to do.
    await migrateJobStore({ databaseUrl: url, logger });
  });

  test('closes before it is open', async () => {
    const store = createJobStore({ databaseUrl: url, migrate: 'never', logger });
    await store.close();
    await store.close();
  });

  test('a migration that fails half-way leaves nothing, and is tried again', async () => {
    // In the way of one of the last statements of the first migration.
    await execute(url, 'CREATE TABLE leases (nothing_of_ours integer)');
    const store = createJobStore({ databaseUrl: url, migrate: 'auto', logger });
    const opened = store.ready.then(() => 'open');
    expect(await Promise.race([opened, delay(500, 'waiting')])).toBe('waiting');
    await execute(url, 'DROP TABLE leases');
    expect(await opened).toBe('open');
    await acceptOne(store);
    await store.close();
  });
});

test('a URL of another kind is a mistake of the operator', () => {
  expect(() => createJobStore({ databaseUrl: 'mysql://a/b', migrate: 'auto', logger })).toThrow(TypeError);
});

test.each([
  ['sqlite', Object.values(sqliteSchema).map((table) => describeSqlite(table))],
  ['postgres', Object.values(postgresSchema).map((table) => describePostgres(table))],
] as const)('%s: the migrations make the tables that the schema describes', async (name, described) => {
  const databases = await databaseKinds.find((kind) => kind.name === name)!.start();
  try {
    const url = await databases.newUrl();
    await (await openStore(url)).close();
    for (const table of described) {
      const made = await columnsOf(url, table.name);
      expect([table.name, made.toSorted()]).toEqual([
        table.name,
        table.columns.map((column) => column.name).toSorted(),
      ]);
    }
  } finally {
    await databases.stop();
  }
});

async function columnsOf(url: string, table: string): Promise<string[]> {
  if (url.startsWith('file:')) {
    const connection = new Database(url.slice('file:'.length));
    try {
      return connection.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table);
    } finally {
      connection.close();
    }
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const found = await client.query<{ column_name: string }>(
    'SELECT column_name FROM information_schema.columns WHERE table_name = $1',
    [table],
  );
  await client.end();
  return found.rows.map((row) => row.column_name);
}
