import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopBetweenWrites } from '@glyphmill/test-servers/stop-between-writes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { delay } from './src/eventually.ts';
import { openSqliteDatabase } from './src/sqlite-database.ts';

/** Holds the lock half of the time. */
const writer = `
  const { DatabaseSync } = require('node:sqlite');
  const { setTimeout: delay } = require('node:timers/promises');
  const database = new DatabaseSync(process.argv[1], { timeout: 5000 });
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE numbers (number INTEGER)');
  (async () => {
    for (let number = 0; ; number++) {
      database.exec('BEGIN IMMEDIATE; INSERT INTO numbers VALUES (' + number + ')');
      await delay(10);
      database.exec('COMMIT');
      if (number === 0) process.stdout.write('writes');
      await delay(10);
    }
  })();`;

let folder: string;
let child: ChildProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-stop-'));
});
afterEach(async () => {
  child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

test('whenever a writer is stopped between writes, others can write until it goes on', async () => {
  const file = join(folder, 'numbers.db');
  child = spawn(process.execPath, ['-e', writer, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  const database = openSqliteDatabase(file);
  for (let round = 0; round < 4; round += 1) {
    await stopBetweenWrites(child.pid!, () => database.canWrite());
    await database.query('INSERT INTO numbers VALUES (-1)');
    child.kill('SIGCONT');
    await delay(10 + 7 * round);
  }
  expect(await database.query('SELECT number FROM numbers WHERE number = -1')).toHaveLength(4);
  await database.close();
});
