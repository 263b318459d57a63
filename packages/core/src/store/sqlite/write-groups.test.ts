import Database, { type Database as Connection } from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WriteGroups } from './write-groups.ts';

let connection: Connection;
beforeEach(() => {
  connection = new Database(':memory:');
  connection.exec('CREATE TABLE written (value)');
});
afterEach(() => connection.close());

const written = (): unknown[] => connection.prepare('SELECT value FROM written ORDER BY value').pluck().all();

function groupsOf(statements: Connection): WriteGroups {
  return new WriteGroups(statements, {
    all: () => Promise.reject(new Error()),
    run: () => Promise.reject(new Error()),
  });
}

function put(groups: WriteGroups, value: number): Promise<number> {
  return groups.write(async () => {
    connection.prepare('INSERT INTO written VALUES (?)').run(value);
    return value;
  });
}

/** The connection, whose disk fails the given statements once each. */
function failing(...statements: string[]): Connection {
  const toFail = new Set(statements);
  return new Proxy(connection, {
    get(target, name) {
      if (name === 'inTransaction') return target.inTransaction;
      if (name !== 'exec') throw new Error(`Unexpected use of ${String(name)}`);
      return (text: string) => {
        if (toFail.delete(text)) throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR');
        return target.exec(text);
      };
    },
  });
}

test('a write is done, however soon it follows the one before', async () => {
  const groups = groupsOf(connection);
  for (let turns = 0; turns < 30; turns += 1) {
    await put(groups, 2 * turns);
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    expect(await put(groups, 2 * turns + 1)).toBe(2 * turns + 1);
  }
  expect(written()).toHaveLength(60);
});

test.each(
  [
    ['COMMIT'],
    ['COMMIT', 'ROLLBACK'],
    ['RELEASE one_write', 'ROLLBACK TO one_write; RELEASE one_write'],
    ['RELEASE one_write', 'ROLLBACK TO one_write; RELEASE one_write', 'ROLLBACK'],
  ].map((statements) => [statements]),
)('a disk that fails %j is told of to those whose writes are lost, and the next write works', async (statements) => {
  const groups = groupsOf(failing(...statements));
  const outcomes = await Promise.allSettled([put(groups, 1), put(groups, 2), put(groups, 3)]);
  expect(outcomes[0]).toMatchObject({ status: 'rejected', reason: { code: 'SQLITE_IOERR' } });
  expect(await put(groups, 4)).toBe(4);
  const told = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  expect(written()).toEqual([...told, 4]);
  expect(connection.inTransaction).toBe(false);
});
