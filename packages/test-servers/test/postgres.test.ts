import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type TestPostgres } from '../src/postgres.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

test('each database is empty and apart from the others', async () => {
  await ask(postgres.url, 'CREATE TABLE a (n int)');
  const other = await postgres.createDatabase();
  expect(other).not.toBe(postgres.url);
  await expect(ask(other, 'SELECT * FROM a')).rejects.toThrow(/does not exist/);
  expect(await ask(postgres.url, 'SELECT * FROM a')).toEqual([]);
});

test('keeps what was committed through kill -9', async ({ skip }) => {
  skip(!postgres.isOurs, 'the server of TEST_DATABASE_URL is not ours to break');
  await ask(postgres.url, 'CREATE TABLE b AS SELECT 7 AS n');
  await postgres.kill();
  await expect(ask(postgres.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
  await postgres.start();
  expect(await ask(postgres.url, 'SELECT n FROM b')).toEqual([{ n: 7 }]);
});

test('hangs while it is paused, old connections and new ones', async ({ skip }) => {
  skip(!postgres.isOurs, 'the server of TEST_DATABASE_URL is not ours to break');
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await postgres.pause();
  const answers = [client.query('SELECT 1'), ask(postgres.url, 'SELECT 1')];
  expect(await Promise.race([...answers, delay(300, 'nothing')])).toBe('nothing');
  await postgres.resume();
  await Promise.all(answers);
  await client.end();
});
