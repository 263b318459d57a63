import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from '../../src/store/statement.ts';
import { createResultReader } from '../../src/store/reader/results.ts';
import { openReadable, openReader, writes } from './reader-fixture.ts';
import { acceptOne, endOne, logger, openStore } from './store-fixture.ts';

const role = 'results_page';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

/** As docs/store.md says; the database's name is the only thing that differs. */
async function makeRole(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const database = new URL(url).pathname.slice(1);
  await client.query(`
    CREATE ROLE ${role} LOGIN PASSWORD 'of-the-page';
    GRANT CONNECT ON DATABASE "${database}" TO ${role};
    GRANT USAGE ON SCHEMA public TO ${role};
    GRANT SELECT ON jobs, lines, inbox_files, schema_migrations TO ${role};`);
  await client.end();
  const own = new URL(url);
  own.username = role;
  own.password = 'of-the-page';
  return own.href;
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

test('a role that may only read is enough for everything, and cannot write past the reader either', async () => {
  const url = await postgres.createDatabase();
  const store = await openStore(url);
  const { id } = await endOne(store, { state: 'succeeded' });
  await endOne(store, { state: 'failed' });
  const roleUrl = await makeRole(url);
  try {
    const reader = await openReader(roleUrl);
    expect((await reader.results({ limit: 10 })).rows).toHaveLength(2);
    expect((await reader.search({ text: 'text', limit: 10 })).rows).toHaveLength(1);
    expect((await reader.result(id))?.result?.lines).toHaveLength(1);
    expect((await reader.failures({ limit: 10 })).rows).toHaveLength(1);
    expect((await reader.status()).jobs.succeeded).toBe(1);
    expect(await reader.changes()).not.toBe('');
    expect(await reader.picturesOf(id)).toEqual({});
    await reader.close();
    const client = new pg.Client({ connectionString: roleUrl });
    await client.connect();
    for (const statement of writes) await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
    await client.end();
  } finally {
    await store.close();
    await execute(url, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

test('its sessions read only, whatever the role may do', async () => {
  const url = await postgres.createDatabase();
  await (await openStore(url)).close();
  const database = await openReadable(url);
  const settings = sql`SELECT current_setting('default_transaction_read_only') AS by_default,
    current_setting('transaction_read_only') AS now`;
  expect(await database.read((db) => db.all(settings))).toEqual([{ by_default: 'on', now: 'on' }]);
  await database.close();
});

test('waits for a server that is not there and for the schema', async ({ skip }) => {
  skip(!postgres.isOurs, 'needs a server of its own');
  const url = await postgres.createDatabase();
  await postgres.kill();
  const reader = createResultReader({ databaseUrl: url, logger });
  await expect(reader.results({ limit: 1 })).rejects.toMatchObject({ code: 'store_unavailable' });
  await postgres.start();
  await expect(reader.results({ limit: 1 })).rejects.toMatchObject({ code: 'store_unavailable' });
  const store = await openStore(url);
  await acceptOne(store);
  await reader.ready;
  expect((await reader.results({ limit: 10 })).rows).toHaveLength(1);
  // A server that comes back is used again.
  await postgres.kill();
  await postgres.start();
  await expect
    .poll(
      () =>
        reader.results({ limit: 10 }).then(
          ({ rows }) => rows.length,
          () => 0,
        ),
      { timeout: 20_000 },
    )
    .toBe(1);
  await reader.close();
  await store.close();
});
