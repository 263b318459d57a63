import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { assembleResultReader } from '../../src/store/reader/assemble-result-reader.ts';
import { createResultReader, type ResultReader, SchemaMismatchError } from '../../src/store/reader/results.ts';
import { createSqliteReader } from '../../src/store/sqlite/sqlite-reader.ts';
import { openReader } from './reader-fixture.ts';
import { acceptOne, databaseKinds, endOne, logger, openStore, type TestDatabases } from './store-fixture.ts';
import { startStoreProcess } from './store-process.ts';

let databases: TestDatabases;
let url: string;
let file: string;
beforeAll(async () => {
  databases = await databaseKinds.find(({ name }) => name === 'sqlite')!.start();
});
afterAll(() => databases.stop());
beforeEach(async () => {
  url = await databases.newUrl();
  file = url.slice('file:'.length);
});

const hashOf = (name: string): string => createHash('sha256').update(readFileSync(name)).digest('hex');
const idsIn = async (reader: ResultReader): Promise<string[]> =>
  (await reader.results({ limit: 100 })).rows.map(({ id }) => id);

/** A store with a job that succeeded, which no process has open: its write-ahead log is gone. */
async function makeStore(): Promise<string> {
  const store = await openStore(url);
  const { id } = await endOne(store, { state: 'succeeded' });
  await store.close();
  expect(readdirSync(path.dirname(file))).toEqual(['ocr_data.db']);
  return id;
}

async function useAll(reader: ResultReader, id: string): Promise<void> {
  expect(await idsIn(reader)).toEqual([id]);
  expect((await reader.search({ text: 'te', limit: 5 })).rows).toHaveLength(1);
  expect((await reader.result(id))?.result?.lines).toHaveLength(1);
  await Promise.all([reader.failures({ limit: 5 }), reader.status(), reader.changes(), reader.picturesOf(id)]);
}

test('waits for a database that nobody has made yet, and makes none', async () => {
  const reader = createResultReader({ databaseUrl: url, logger });
  const opened = reader.ready.then(() => 'open');
  expect(await Promise.race([opened, delay(400, 'waiting')])).toBe('waiting');
  await expect(reader.status()).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
  expect(existsSync(path.dirname(file))).toBe(false);
  const store = await openStore(url);
  const { id } = await acceptOne(store);
  expect(await opened).toBe('open');
  expect(await idsIn(reader)).toEqual([id]);
  await reader.close();
  await store.close();
});

test('reads after all writers are gone, and leaves the file as it is, byte by byte', async () => {
  const id = await makeStore();
  const before = hashOf(file);
  const reader = await openReader(url);
  await useAll(reader, id);
  const opened = readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file;
    } catch {
      return false;
    }
  });
  expect(opened).not.toEqual([]);
  for (const fd of opened) {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    expect(Number.parseInt(flags ?? '', 8) & 3, 'opened for reading only').toBe(0);
  }
  await reader.close();
  expect(hashOf(file)).toBe(before);
});

test('sees what a writer wrote that was killed, writes its log into nothing, and does not keep the next one out', async () => {
  const writer = startStoreProcess('accept', url, '100000');
  while (writer.lines.length < 20) await delay(20);
  writer.kill();
  await writer.ended;
  const [database, log] = [hashOf(file), hashOf(`${file}-wal`)];
  const reader = await openReader(url);
  expect(await idsIn(reader)).toEqual(expect.arrayContaining(writer.lines.slice(0, 20)));
  expect([hashOf(file), hashOf(`${file}-wal`)]).toEqual([database, log]);
  const store = await openStore(url);
  const { id } = await acceptOne(store);
  expect(await idsIn(reader)).toContain(id);
  // The log begins anew.
  await store.close();
  expect(await idsIn(reader)).toContain(id);
  await reader.close();
});

test('reads while a writer writes, also past checkpoints', async () => {
  const id = await makeStore();
  const reader = await openReader(url);
  const writer = startStoreProcess('accept', url, '400');
  const checkpointer = new Database(file);
  let total = 1;
  while (total < 300) {
    checkpointer.pragma('wal_checkpoint(TRUNCATE)');
    const { jobs } = await reader.status();
    expect(jobs.queued + 1).toBeGreaterThanOrEqual(total);
    total = jobs.queued + 1;
    expect((await reader.result(id))?.state).toBe('succeeded');
  }
  checkpointer.close();
  writer.kill();
  await writer.ended;
  await reader.close();
});

test('goes on with a file that was put in its place', async () => {
  const id = await makeStore();
  await copyFile(file, `${file}.copy`);
  const reader = await openReader(url);
  const store = await openStore(url);
  const later = await acceptOne(store);
  await store.close();
  expect(await idsIn(reader)).toEqual([later.id, id]);
  const token = await reader.changes();
  await Promise.all(['-wal', '-shm'].map((end) => rm(file + end, { force: true })));
  await rename(`${file}.copy`, file);
  expect(await idsIn(reader)).toEqual([id]);
  expect(await reader.changes()).not.toBe(token);
  await rm(file);
  await expect(reader.results({ limit: 1 })).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(existsSync(file)).toBe(false);
  await makeStore();
  expect(await idsIn(reader)).toHaveLength(1);
  await reader.close();
});

describe('a schema', () => {
  const execute = (statement: string): void => {
    const connection = new Database(file);
    connection.exec(statement);
    connection.close();
  };

  test('of a newer version is refused', async () => {
    await makeStore();
    execute(`INSERT INTO schema_migrations (position, name, applied_at) VALUES (99, '0099_of_tomorrow', 0)`);
    const reader = createResultReader({ databaseUrl: url, logger });
    await expect(reader.ready).rejects.toThrow(SchemaMismatchError);
    await expect(reader.results({ limit: 1 })).rejects.toMatchObject({ code: 'store_unavailable' });
    await reader.close();
  });

  test('of an older version is waited for', async () => {
    mkdirSync(path.dirname(file), { recursive: true });
    execute(
      'CREATE TABLE schema_migrations (position INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)',
    );
    const reader = createResultReader({ databaseUrl: url, logger });
    const opened = reader.ready.then(() => 'open');
    expect(await Promise.race([opened, delay(400, 'waiting')])).toBe('waiting');
    const id = await makeSureOfStore();
    expect(await opened).toBe('open');
    expect(await idsIn(reader)).toEqual([id]);
    await reader.close();
  });

  const makeSureOfStore = async (): Promise<string> => {
    const store = await openStore(url);
    const { id } = await acceptOne(store);
    await store.close();
    return id;
  };
});

describe('a folder that cannot be written', () => {
  const isRoot = process.getuid?.() === 0;

  test('is said to be the reason, until a service has the database open', async ({ skip }) => {
    skip(!isRoot, 'only root can mount a folder');
    const id = await makeStore();
    const folder = path.dirname(file);
    const mounted = mkdtempSync(path.join(tmpdir(), 'glyphmill-read-only-'));
    execFileSync('mount', ['--bind', folder, mounted]);
    execFileSync('mount', ['-o', 'remount,bind,ro', mounted]);
    try {
      const reasons: string[] = [];
      const log = (fields: object): number => reasons.push(JSON.stringify(fields));
      const database = createSqliteReader({ url: `file:${mounted}/ocr_data.db`, now: Date.now });
      const reader = assembleResultReader(database, { logger: { info: log, warn: log } });
      await expect.poll(() => reasons.join(' '), { timeout: 20_000 }).toContain('folder cannot be written');
      const store = await openStore(url);
      await reader.ready;
      expect(await idsIn(reader)).toEqual([id]);
      const later = await acceptOne(store);
      expect(await idsIn(reader)).toEqual([later.id, id]);
      await reader.close();
      await store.close();
    } finally {
      execFileSync('umount', [mounted]);
      rmSync(mounted, { recursive: true });
    }
  });
});
