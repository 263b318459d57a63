import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Connections, createConnections } from '../../src/store/postgres/connections.ts';
import { postgresDialect } from '../../src/store/postgres/postgres-dialect.ts';
import { statementOf } from '../../src/store/statement.ts';
import type { JobStore } from '../../src/store/store.ts';
import { endOne, logger, openStore } from './store-fixture.ts';

const lineCount = 40_000;
/** The words of those lines of a page whose number they divide. */
const everyNth = { common: 2, uncommon: 2_000, rare: 39_999 };

let postgres: TestPostgres;
let store: JobStore;
let connections: Connections;
let oldest: string;
let newest: string;
beforeAll(async () => {
  postgres = await startPostgres();
  store = await openStore(postgres.url);
  oldest = (await endOne(store, { state: 'failed' })).id;
  newest = (await endOne(store, { state: 'failed' })).id;
  connections = createConnections({ url: postgres.url, logger });
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(
    `INSERT INTO lines SELECT seq, line, repeat('x', 80), 0.9, repeat('[1000,1000]', 8), array_to_tsvector(ARRAY['all'] ||
        (SELECT coalesce(array_agg(key), '{}') FROM json_each_text('${JSON.stringify(everyNth)}') WHERE line % value::int = 0))
      FROM jobs, generate_series(0, ${lineCount - 1}) AS line`,
  );
  await client.query('ANALYZE');
  await client.end();
});
afterAll(async () => {
  await connections.close();
  await store.close();
  await postgres.stop();
});

const limit = 30;

test.each(['all', 'common', 'uncommon', 'rare', 'missing'])('finds the newest lines with a word: %s', async (word) => {
  const nth = new Map([...Object.entries(everyNth), ['all', 1] as const]).get(word);
  const lines =
    nth === undefined ? [] : Array.from({ length: Math.ceil(lineCount / nth) }, (_item, index) => index * nth);
  const expected = [newest, oldest].flatMap((id) => lines.map((line) => [id, line]));
  const found = await store.searchLines({ text: word, limit });
  expect(found.map(({ jobId, lineIndex }) => [jobId, lineIndex])).toEqual(expected.slice(0, limit));
});

test.each(['all', 'rare', 'missing'])('does not walk through all lines for a word: %s', async (word) => {
  const { text, params } = statementOf(postgresDialect.findLines({ words: [word], limit }), (index) => `$${index}`);
  const { rows } = await connections.use((own) =>
    own.query<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE, TIMING OFF) ${text}`, [...params]),
  );
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  const skipped = [...plan.matchAll(/Rows Removed by Filter: (\d+)/g)].map(([, count]) => Number(count));
  expect(Math.max(0, ...skipped), plan).toBeLessThanOrEqual(5_000);
});
