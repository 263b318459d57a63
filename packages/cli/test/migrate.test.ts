import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createLogger } from '@glyphmill/core/logging';
import { createJobStore } from '@glyphmill/core/store';
import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const logger = createLogger({ service: 'test', level: 'silent' });
let folder: string;
let postgres: TestPostgres;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'glyphmill-migrate-'));
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true });
});

function start(env: Record<string, string>, args: readonly string[] = []) {
  return spawn(process.execPath, [main, 'migrate', ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...env },
  });
}

async function migrate(env: Record<string, string>, args: readonly string[] = []) {
  const child = start(env, args);
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, stdout, stderr };
}

/** Whether a service that may not migrate is ready in time. */
async function usable(databaseUrl: string, { withinMs = 1_500 } = {}): Promise<boolean> {
  const store = createJobStore({ databaseUrl, migrate: 'never', logger });
  try {
    const ready = store.ready.then(() => true);
    const isReady = await Promise.race([
      ready,
      new Promise<boolean>((resolve) => setTimeout(resolve, withinMs, false)),
    ]);
    if (isReady) await store.check();
    return isReady;
  } finally {
    await store.close();
  }
}

describe.each([
  ['SQLite', () => `file:${path.join(folder, 'some where', 'jobs.db')}`],
  ['Postgres', () => postgres.url],
])('glyphmill migrate on %s', (_name, url) => {
  test('makes a database usable that was not, and is fine with one that is', async () => {
    expect(await usable(url())).toBe(false);
    expect(await migrate({ DATABASE_URL: url() })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^The database is up to date\.$/m),
    });
    expect(await usable(url(), { withinMs: 30_000 })).toBe(true);
    expect(await migrate({ DATABASE_URL: url() })).toEqual({
      code: 0,
      stdout: 'The database is up to date.\n',
      stderr: '',
    });
  });

  test('several at once do it once', async () => {
    const fresh = url().startsWith('file:')
      ? `file:${path.join(folder, 'several.db')}`
      : await postgres.createDatabase();
    const ends = await Promise.all(Array.from({ length: 3 }, () => migrate({ DATABASE_URL: fresh })));
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await usable(fresh, { withinMs: 30_000 })).toBe(true);
  });
});

test('without DATABASE_URL it is the file in DATA_DIR, which only this user can read', async () => {
  expect(await migrate({ DATA_DIR: 'some data' })).toMatchObject({ code: 0 });
  const file = path.join(folder, 'some data', 'ocr_data.db');
  for (const made of [file, path.dirname(file)]) expect(statSync(made).mode & 0o077).toBe(0);
});

test('waits for a database that cannot be reached yet', async ({ skip }) => {
  skip(!postgres.isOurs, 'the server of TEST_DATABASE_URL is not ours to stop');
  const database = await postgres.createDatabase();
  await postgres.kill();
  const child = start({ DATABASE_URL: database });
  const stdout = text(child.stdout);
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  expect(child.exitCode).toBeNull();
  await postgres.start();
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(await stdout).toMatch(/^The database is up to date\.$/m);
});

test('names a wrong setting without its value, and a wrong command line', async () => {
  const wrong = await migrate({ DATABASE_URL: 'mysql://me:swordfish@db/jobs' });
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toContain('DATABASE_URL: expected');
  expect(wrong.stderr).not.toContain('swordfish');
  expect(await migrate({}, ['now'])).toMatchObject({ code: 2, stderr: expect.stringContaining('now') });
  expect((await migrate({}, ['--help'])).stdout).toContain('DATABASE_URL');
});
