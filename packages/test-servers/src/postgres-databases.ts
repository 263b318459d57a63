import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** Of a test run that was killed: older than this, nobody uses it any more. */
const leftoverAgeMs = 24 * 3_600_000;
const prefix = 'glyphmill_test_';

/** A new, empty database on the server of `url`; the URL of that. */
export async function createDatabase(url: string): Promise<string> {
  const name = `${prefix}${Date.now()}_${randomBytes(4).toString('hex')}`;
  await withClient(url, (client) => client.query(`CREATE DATABASE ${name}`));
  const created = new URL(url);
  created.pathname = `/${name}`;
  return created.href;
}

export async function dropDatabase(url: string, created: string): Promise<void> {
  const name = new URL(created).pathname.slice(1);
  await withClient(url, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
}

export async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  return withClient(url, async (client) => (await client.query<Record<string, unknown>>(sql)).rows);
}

export async function dropLeftovers(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const found = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datname LIKE $1', [
      `${prefix}%`,
    ]);
    for (const { datname } of found.rows) {
      const [, createdAt] = /^glyphmill_test_(\d+)_[0-9a-f]+$/.exec(datname) ?? [];
      if (createdAt === undefined || Date.now() - Number(createdAt) < leftoverAgeMs) continue;
      await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
    }
  });
}

export async function answers(url: string): Promise<boolean> {
  return withClient(url, (client) => client.query('SELECT 1')).then(
    () => true,
    () => false,
  );
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
