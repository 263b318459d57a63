import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createConnections } from '../../src/store/postgres/connections.ts';
import { createJobStore, type JobStore } from '../../src/store/store.ts';
import { acceptOne, claimOne, logger, newJob, openStore, pageOf } from './store-fixture.ts';
import { startStoreProcess } from './store-process.ts';

let postgres: TestPostgres;
let url: string;
let store: JobStore;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  url = await postgres.createDatabase();
  store = await openStore(url);
});
afterEach(() => store.close());

const notOurs = 'the server of TEST_DATABASE_URL is not ours to break';
const unavailable = { code: 'store_unavailable', retryable: true };
/** What a call may take while the server is away: some 6 s by design, and then some for a machine that stands still. */
const callLimitMs = 15_000;

async function execute(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(statement);
  await client.end();
}

async function expectAway(): Promise<void> {
  const startedAt = performance.now();
  const outcomes = await Promise.allSettled([
    store.check(),
    store.get('x'),
    ...Array.from({ length: 30 }, () => store.accept([newJob()])),
  ]);
  for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable });
  expect(performance.now() - startedAt).toBeLessThan(callLimitMs);
}

test('says that the server is away, keeps what was committed, and works again without a restart', async ({ skip }) => {
  skip(!postgres.isOurs, notOurs);
  const job = await acceptOne(store);
  const claim = await claimOne(store, job);
  await postgres.kill();
  await expectAway();
  await expectAway();
  await postgres.start();
  await expect.poll(() => store.check().then(() => 'works'), { timeout: 20_000 }).toBe('works');
  expect(await store.finishSucceeded(claim, pageOf('read while it was away'))).toBe(true);
  await Promise.all(Array.from({ length: 30 }, () => acceptOne(store)));
});

test('does not wait for a server that hangs', async ({ skip }) => {
  skip(!postgres.isOurs, notOurs);
  const job = await acceptOne(store);
  await postgres.pause();
  try {
    await expectAway();
    const closing = await openInBackground();
    await closing.close();
  } finally {
    await postgres.resume();
  }
  await expect.poll(() => store.check().then(() => 'works'), { timeout: 20_000 }).toBe('works');
  expect((await store.get(job.id))?.state).toBe('queued');
});

async function openInBackground(): Promise<JobStore> {
  const other = createJobStore({ databaseUrl: url, migrate: 'auto', logger });
  await expect(other.check()).rejects.toMatchObject(unavailable);
  return other;
}

test('opens when the server is there', async ({ skip }) => {
  skip(!postgres.isOurs, notOurs);
  await postgres.kill();
  const other = await openInBackground();
  await postgres.start();
  await other.ready;
  await other.check();
  await other.close();
});

test('connections that the server ends are made anew', async () => {
  await Promise.all(Array.from({ length: 20 }, () => store.check()));
  await execute(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  await expect.poll(() => store.check().then(() => 'works'), { timeout: 20_000 }).toBe('works');
  await Promise.all(Array.from({ length: 20 }, () => store.check()));
});

test('a row that somebody holds is waited for only so long', async () => {
  const job = await acceptOne(store);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('BEGIN');
  await client.query('SELECT 1 FROM jobs FOR UPDATE');
  try {
    await expect(store.cancel(job.id)).rejects.toMatchObject(unavailable);
    expect((await store.get(job.id))?.state).toBe('queued');
  } finally {
    await client.end();
  }
  expect(await store.cancel(job.id)).toMatchObject({ kind: 'canceled' });
});

test('a process that is stopped in a transaction holds nobody up for long', async () => {
  const job = await acceptOne(store);
  await store.check();
  const stopped = startStoreProcess('stop', url, job.id);
  try {
    await stopped.says('stopped');
    await store.check();
    await expect(store.cancel(job.id)).rejects.toMatchObject(unavailable);
    const lease = { name: 'leader', holder: 'next', ttlMs: 60_000 };
    await expect.poll(() => store.acquireLease(lease).catch(() => false), { timeout: 20_000 }).toBe(true);
    expect(await store.cancel(job.id)).toMatchObject({ kind: 'canceled', job: { priority: 100 } });
    stopped.resume();
    expect(await stopped.ended).toBe(0);
    expect(stopped.lines).toEqual(['stopped', 'store_unavailable', 'sees 1']);
  } finally {
    stopped.kill();
  }
});

test('the server keeps no connection of a host that is gone', async () => {
  const connections = createConnections({ url, logger });
  const settings = ['tcp_keepalives_idle', 'tcp_user_timeout', 'idle_in_transaction_session_timeout'];
  const limits = await connections.use(async (client) => {
    const { rows } = await client.query<{ setting: string }>(
      'SELECT setting FROM pg_settings WHERE name = ANY($1) AND setting::int > 0',
      [settings],
    );
    return rows;
  });
  await connections.close();
  expect(limits).toHaveLength(settings.length);
});

test('more calls than connections wait for their turn', async () => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('BEGIN; LOCK TABLE jobs IN EXCLUSIVE MODE');
  const accepted = Promise.all(Array.from({ length: 200 }, () => acceptOne(store)));
  accepted.catch(() => undefined);
  await delay(1_400);
  await client.end();
  await accepted;
  expect(await store.countUnfinished()).toBe(200);
});

test('a page that takes the server longer than other writes may is stored none the less', async () => {
  await execute(`CREATE FUNCTION slow_down() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(3); RETURN NULL; END'`);
  for (const table of ['jobs', 'lines']) {
    await execute(`CREATE TRIGGER slow AFTER INSERT ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION slow_down()`);
  }
  await expect(acceptOne(store)).rejects.toMatchObject(unavailable);
  await execute('DROP TRIGGER slow ON jobs');
  const claim = await claimOne(store, await acceptOne(store));
  expect(await store.finishSucceeded(claim, pageOf('slow'))).toBe(true);
  expect((await store.get(claim.id))?.result).toEqual(pageOf('slow').result);
});

test('goes by the time of the server, whatever becomes of the host’s clock', async () => {
  const serverNow = (): number => performance.timeOrigin + performance.now();
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    for (const stepMs of [-3_600_000, 3_600_000]) {
      vi.setSystemTime(serverNow() + stepMs);
      const job = await acceptOne(store);
      const createdAt = (await store.get(job.id))?.createdAt ?? 0;
      expect(Math.abs(createdAt - serverNow())).toBeLessThan(60_000);
    }
  } finally {
    vi.useRealTimers();
  }
});

test('a full disk is told as such, and is over when there is room', async ({ skip }) => {
  const { folder } = postgres;
  const isRoot = process.getuid?.() === 0;
  skip(folder === undefined, notOurs);
  skip(!isRoot, 'only root can mount a small disk');
  const disk = mkdtempSync(path.join(tmpdir(), 'glyphmill-small-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
  try {
    const { uid, gid } = statSync(folder!);
    const place = path.join(disk, 'tables');
    mkdirSync(place);
    for (const owned of [disk, place]) chownSync(owned, uid, gid);
    await execute(`CREATE TABLESPACE small LOCATION '${place}'`);
    for (const table of ['jobs', 'lines', 'outbox']) await execute(`ALTER TABLE ${table} SET TABLESPACE small`);
    const ballast = path.join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(8 * 1024 * 1024));
    const job = await acceptOne(store);
    const filler = { metadata: { filler: Array.from({ length: 2000 }, () => Math.random()).join(' ') } };
    const fill = async (): Promise<void> => {
      for (;;) await store.accept(Array.from({ length: 100 }, () => newJob(filler)));
    };
    await expect(fill()).rejects.toMatchObject({ code: 'storage_full', retryable: true });
    expect((await store.get(job.id))?.state).toBe('queued');
    rmSync(ballast);
    expect(await store.accept(Array.from({ length: 100 }, () => newJob(filler)))).toHaveLength(100);
  } finally {
    await store.close();
    await execute('DROP TABLE jobs, lines, outbox');
    await execute('DROP TABLESPACE small').catch(() => undefined);
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  }
});
