import { afterAll, beforeAll, expect, test } from 'vitest';
import { Ledger } from './src/ledger.ts';
import { Stack } from './src/stack.ts';

// A ledger that overlooks a lie would let every fault pass: here the database is lied to by hand.
let stack: Stack;
let ledger: Ledger;
beforeAll(async () => {
  stack = await Stack.start();
  ledger = await Ledger.open(stack, ['giftCard', 'small', 'blank']);
});
afterAll(async () => {
  await ledger?.close();
  await stack?.stop();
});

test('no faults: what was accepted has ended, and the books are right', async () => {
  await ledger.submitMany([
    { picture: 'giftCard', via: 'upload' },
    { picture: 'small', via: 'url', waitSeconds: 20 },
    { picture: 'blank', via: 'url', priority: 7 },
  ]);
  await ledger.submitBatch('small', 5);
  const canceled = await ledger.submit({ picture: 'giftCard', via: 'url' });
  await ledger.cancel(canceled);
  await ledger.settle('nothing', { endedAt: Date.now() });
  expect(await stack.findLeaks('logs')).toEqual([]);
});

test('a client that insists gets the same job', async () => {
  const [entry] = ledger.entries;
  Object.assign(entry!, { fate: 'unknown' });
  await ledger.insist();
  await ledger.audit();
});

// $0 is the id of the first entry, a gift card; the small picture and the blank one follow.
test.each([
  ['a second end', "UPDATE jobs SET state = 'succeeded' WHERE id = $0", /ended 2 times/],
  ['another end', "UPDATE jobs SET state = 'failed' WHERE id = $1", /failed/],
  ['another text', "UPDATE lines SET text = 'STREAM' WHERE line_index = 0 AND job_seq = SEQ($0)", /other lines/],
  ['a line less', 'DELETE FROM lines WHERE line_index = 0 AND job_seq = SEQ($0)', /other lines/],
  ['a lost job', 'DELETE FROM jobs WHERE id = $3', /accepted and lost/],
  ['a job of nobody', "UPDATE jobs SET idempotency_key = 'another' WHERE id = $2", /asked for by nobody/],
])('%s is noticed', async (_, lie, complaint) => {
  const told = lie
    .replace(/SEQ\((.*)\)/, (_match, id: string) => `(SELECT seq FROM jobs WHERE id = ${id})`)
    .replace(/\$(\d)/, (_match, index: string) => `'${ledger.entries[Number(index)]!.id}'`);
  await ledger.database.query(told);
  await expect(ledger.audit()).rejects.toThrow(complaint);
});

test('a 500 is noticed, also when the same request was accepted later', async () => {
  const { database } = ledger;
  await database.query("CREATE TRIGGER refuse BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'refused'); END");
  const entry = await ledger.submit({ picture: 'small', via: 'url' });
  expect(entry.refusal).toEqual({ status: 500, code: 'internal' });
  await database.query('DROP TRIGGER refuse');
  await ledger.insist();
  await expect(ledger.audit()).rejects.toThrow(/answered 500 internal/);
});
