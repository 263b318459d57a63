import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { queryWords } from '../../src/store/line-words.ts';
import type { ResultReader } from '../../src/store/reader/results.ts';
import { holdsWords } from '../../src/store/reader/word-spans.ts';
import { sql } from '../../src/store/statement.ts';
import type { FinishedPage, JobStore, NewJob } from '../../src/store/store.ts';
import { definitions, openReadable, openReader, writes } from './reader-fixture.ts';
import {
  acceptOne,
  claimOne,
  databaseKinds,
  endOne,
  newId,
  newJob,
  openStore,
  pageError,
  pageOf,
  TestClock,
  type TestDatabases,
} from './store-fixture.ts';

interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor?: string;
}

/** All pages of a list, as it is walked through. */
async function allPages<Row>(read: (at: { cursor?: string }) => Promise<Page<Row>>): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(cursor === undefined ? {} : { cursor });
    rows.push(...page.rows);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return rows;
}

const hostile = `<script>alert(1)</script> ' OR 1=1 -- "; DROP TABLE jobs; \u202E${'Z̷̡'.repeat(20)} =HYPERLINK("x")`;

describe.each(databaseKinds)('$name', ({ start }) => {
  let databases: TestDatabases;
  let url: string;
  let clock: TestClock;
  let store: JobStore;
  let reader: ResultReader;
  beforeAll(async () => {
    databases = await start();
  });
  afterAll(() => databases.stop());
  beforeEach(async () => {
    url = await databases.newUrl();
    clock = new TestClock();
    store = await openStore(url, clock.now);
    reader = await openReader(url, clock.now);
  });
  afterEach(async () => {
    await reader.close();
    await store.close();
  });

  const finish = async (job: NewJob, page: FinishedPage): Promise<string> => {
    await store.finishSucceeded(await claimOne(store, job), page);
    return job.id;
  };
  const readPage = async (...texts: string[]): Promise<string> => finish(await acceptOne(store), pageOf(...texts));
  const failOne = async (): Promise<string> => (await endOne(store, { state: 'failed' })).id;
  const idsOf = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);

  describe('results', () => {
    test('tell of each job what a list shows', async () => {
      const pictures = { previewSha256: 'aa'.repeat(32), thumbnailSha256: 'bb'.repeat(32) };
      const source = { kind: 'blob', sha256: 'cd'.repeat(32), bytes: 5, name: 'scan.png' } as const;
      const job = await acceptOne(store, { source });
      const page = pageOf('one', 'x'.repeat(500), hostile, 'four');
      const lines = page.result.lines.map((line, index) => ({ ...line, confidence: 0.5 + index / 10 }));
      clock.pass(250);
      await finish(job, { ...page, result: { ...page.result, lines }, pictures });
      const failed = await failOne();
      const queued = await acceptOne(store);
      const sources = ['https://images.example/card.png'];
      const of = { createdAt: clock.value, sources, sourceCount: 1, lineCount: 0, firstLines: [] };
      expect(await reader.results({ limit: 10 })).toEqual({
        rows: [
          { ...of, id: queued.id, state: 'queued', attempts: 0 },
          { ...of, id: failed, state: 'failed', attempts: 1, finishedAt: clock.value, error: pageError },
          {
            id: job.id,
            state: 'succeeded',
            sources: ['scan.png'],
            sourceCount: 1,
            createdAt: clock.value - 250,
            finishedAt: clock.value,
            attempts: 1,
            width: 640,
            height: 480,
            lineCount: 4,
            meanConfidence: expect.closeTo(0.65),
            minConfidence: 0.5,
            firstLines: ['one', 'x'.repeat(200), hostile],
            thumbnailSha256: pictures.thumbnailSha256,
          },
        ],
      });
      expect(await reader.picturesOf(job.id)).toEqual(pictures);
      expect(await reader.picturesOf(queued.id)).toEqual({});
      expect(await reader.picturesOf(newId())).toBeUndefined();
    });

    test('in pages, newest first, of all states or some', async () => {
      const states = ['queued', 'succeeded', 'failed', 'canceled'] as const;
      const jobs: { readonly id: string; readonly state: (typeof states)[number] }[] = [];
      for (let index = 0; index < 14; index += 1) {
        const state = states[index % 4]!;
        const { id } = state === 'queued' ? await acceptOne(store) : await endOne(store, { state });
        jobs.unshift({ id, state });
      }
      for (const limit of [1, 3, 7, 14, 50]) {
        expect(idsOf(await allPages((at) => reader.results({ limit, ...at })))).toEqual(idsOf(jobs));
      }
      const wanted = ['failed', 'succeeded', 'failed'] as const;
      const some = jobs.filter(({ state }) => state === 'failed' || state === 'succeeded');
      expect(idsOf(await allPages((at) => reader.results({ states: wanted, limit: 2, ...at })))).toEqual(idsOf(some));
      expect(await reader.results({ states: [], limit: 2 })).toEqual({ rows: [] });
      expect(await reader.results({ states: ['active'], limit: 2 })).toEqual({ rows: [] });
    });

    test('name their sources without secrets, and all places in the inbox', async () => {
      const sha256 = 'cd'.repeat(32);
      const blob = { kind: 'blob', sha256, bytes: 5 } as const;
      const fromUrl = (text: string) => acceptOne(store, { source: { kind: 'url', url: text } });
      const secret = await fromUrl('https://user:password@images.example:8443/a%20b/card.png?token=t#frag');
      const odd = await fromUrl('not a URL');
      const nameless = await acceptOne(store, { source: blob });
      const named = await acceptOne(store, { source: { ...blob, name: 'b/2.png' } });
      const paths = ['b/2.png', 'a/1.png', 'c/3.png', 'c/4.png', 'c/5.png', 'c/6.png'];
      await store.recordInboxFiles(paths.map((path) => ({ path, stamp: 's', bytes: 5, sha256, jobId: named.id })));
      await store.recordInboxFiles([{ path: 'other.png', stamp: 's', bytes: 5, sha256, jobId: nameless.id }]);
      const sources = async (id: string) => {
        const row = (await reader.results({ limit: 10 })).rows.find((candidate) => candidate.id === id);
        return [row?.sources, row?.sourceCount];
      };
      expect(await sources(secret.id)).toEqual([['https://images.example:8443/a%20b/card.png'], 1]);
      expect(await sources(odd.id)).toEqual([[''], 1]);
      expect(await sources(nameless.id)).toEqual([['other.png'], 1]);
      expect(await sources(named.id)).toEqual([['b/2.png', 'a/1.png', 'c/3.png', 'c/4.png', 'c/5.png'], 6]);
      const record = await reader.result(named.id);
      expect(record).toMatchObject({ sources: ['b/2.png', 'a/1.png', ...paths.slice(2)], sourceCount: 6 });
    });
  });

  describe('search', () => {
    test('finds lines with every word, and tells where the words are', async () => {
      const older = await readPage('The quick brown fox', 'nothing', 'Quick: the foxes');
      const newer = await readPage('Crème brûlée for the fox, quick!');
      await readPage('quick', 'fox');
      const { rows } = await reader.search({ text: 'QUICK fo', limit: 10 });
      expect(rows.map(({ id, matches, hasMoreMatches }) => ({ id, matches, hasMoreMatches }))).toEqual([
        {
          id: newer,
          matches: [
            {
              lineIndex: 0,
              text: 'Crème brûlée for the fox, quick!',
              confidence: 0.123456789,
              spans: [
                [13, 15],
                [21, 23],
                [26, 31],
              ],
            },
          ],
          hasMoreMatches: false,
        },
        {
          id: older,
          matches: [
            {
              lineIndex: 0,
              text: 'The quick brown fox',
              confidence: 0.123456789,
              spans: [
                [4, 9],
                [16, 18],
              ],
            },
            {
              lineIndex: 2,
              text: 'Quick: the foxes',
              confidence: 0.123456789,
              spans: [
                [0, 5],
                [11, 13],
              ],
            },
          ],
          hasMoreMatches: false,
        },
      ]);
      const { matches: _, hasMoreMatches: __, ...row } = rows[1]!;
      expect((await reader.results({ limit: 10 })).rows).toContainEqual(row);
      for (const text of ['', ' … ', '"', '*', 'missing', "' OR 1=1 --"]) {
        expect(await reader.search({ text, limit: 10 })).toEqual({ rows: [] });
      }
    });

    test('finds the same as a look at all lines does, in pages of any size', async () => {
      const words = ['aa', 'ab', 'ba', 'É', 'b'];
      const line = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 3 }).map((some) => some.join(' '));
      const pages = fc.sample(fc.array(line, { minLength: 1, maxLength: 9 }), { numRuns: 25, seed: 7 });
      const stored: { readonly id: string; readonly texts: readonly string[] }[] = [];
      for (const texts of pages) stored.unshift({ id: await readPage(...texts), texts });
      for (const text of ['a', 'aa', 'b', 'ba a', 'aa ab b', 'e', 'zz']) {
        const wanted = queryWords(text);
        const matching = stored.flatMap(({ id, texts }) => {
          const lines = texts.flatMap((candidate, index) => (holdsWords(candidate, wanted) ? [index] : []));
          return lines.length === 0 ? [] : [{ id, lines: lines.slice(0, 5), more: lines.length > 5 }];
        });
        for (const limit of [1, 4, 50]) {
          const found = await allPages((at) => reader.search({ text, limit, ...at }));
          expect(
            found.map(({ id, matches, hasMoreMatches }) => ({
              id,
              lines: matches.map(({ lineIndex }) => lineIndex),
              more: hasMoreMatches,
            })),
          ).toEqual(matching);
        }
      }
    });

    test('asks the index for words that are not among the newest lines', async () => {
      const many = Array.from({ length: 700 }, (_item, index) => `old word ${index}`);
      const olds = [
        await readPage('old'),
        await readPage(...many),
        await readPage('x', 'older', 'y'),
        await readPage('old', 'old'),
      ];
      await readPage(...Array.from({ length: 3_100 }, (_item, index) => `new ${index}`));
      for (const limit of [1, 2, 10]) {
        const found = await allPages((at) => reader.search({ text: 'old', limit, ...at }));
        expect(idsOf(found)).toEqual(olds.toReversed());
        expect(found.map(({ matches }) => matches.map(({ lineIndex }) => lineIndex))).toEqual([
          [0, 1],
          [1],
          [0, 1, 2, 3, 4],
          [0],
        ]);
        expect(found.map(({ hasMoreMatches }) => hasMoreMatches)).toEqual([false, false, true, false]);
      }
      expect(idsOf((await reader.search({ text: 'word old 69', limit: 9 })).rows)).toEqual([olds[1]]);
    });

    test('text of any kind stays as it is', async () => {
      await readPage(hostile);
      const { rows } = await reader.search({ text: 'script alert', limit: 1 });
      expect(rows[0]?.matches).toEqual([
        {
          lineIndex: 0,
          text: hostile,
          confidence: 0.123456789,
          spans: [
            [1, 7],
            [8, 13],
            [18, 24],
          ],
        },
      ]);
    });
  });

  test('one result, with all that was read', async () => {
    const source = { kind: 'url', url: 'https://a.example/b?c' } as const;
    const batch = { id: newId(), index: 0 };
    const job = await acceptOne(store, { source, batch, metadata: { secret: 1 }, callbackUrl: 'https://c.example/?d' });
    const waiting = {
      id: job.id,
      batchId: batch.id,
      sources: ['https://a.example/b'],
      sourceCount: 1,
      createdAt: clock.value,
    };
    expect(await reader.result(job.id)).toEqual({ ...waiting, state: 'queued', attempts: 0 });
    clock.pass(10);
    const claim = await claimOne(store, job);
    clock.pass(10);
    const page = pageOf('first', hostile, 'third');
    await store.finishSucceeded(claim, page);
    expect(await reader.result(job.id)).toEqual({
      ...waiting,
      state: 'succeeded',
      attempts: 1,
      startedAt: clock.value - 10,
      finishedAt: clock.value,
      sha256: page.sha256,
      engineVersion: page.engineVersion,
      result: page.result,
    });
    const retried = await acceptOne(store);
    await store.requeue(await claimOne(store, retried), { error: pageError, nextAttemptAt: clock.value + 5 });
    expect(await reader.result(retried.id)).toMatchObject({
      state: 'queued',
      error: pageError,
      nextAttemptAt: clock.value + 5,
    });
    expect(await reader.result(newId())).toBeUndefined();
    expect(await reader.result("' OR 1=1 --")).toBeUndefined();
  });

  test('failures of jobs and of files, the latest first', async () => {
    const expected: string[] = [];
    const error = { code: 'image_too_large', message: 'The image is too large' } as const;
    for (let round = 0; round < 3; round += 1) {
      // Those of one time: files by their paths backwards, after the jobs, the latest job first.
      const ids = [await failOne(), await failOne()];
      await store.recordInboxFiles(
        ['a.png', 'ü.png'].map((name) => ({ path: `${round}/${name}`, stamp: 's', bytes: 9, error })),
      );
      expected.unshift(ids[1]!, ids[0]!, `${round}/ü.png`, `${round}/a.png`);
      await readPage('fine');
      clock.pass(1000);
    }
    await store.recordInboxFiles([{ path: 'fine.png', stamp: 's', bytes: 9, sha256: 'ab'.repeat(32), jobId: newId() }]);
    for (const limit of [1, 2, 3, 5, 50]) {
      const rows = await allPages((at) => reader.failures({ limit, ...at }));
      expect(rows.map((row) => (row.kind === 'job' ? row.id : row.path))).toEqual(expected);
    }
    const failedAt = clock.value - 1000;
    const { rows } = await reader.failures({ limit: 3 });
    expect(rows.slice(1)).toEqual([
      {
        kind: 'job',
        failedAt,
        id: expected[1],
        sources: ['https://images.example/card.png'],
        sourceCount: 1,
        createdAt: failedAt,
        attempts: 1,
        error: pageError,
      },
      { kind: 'file', failedAt, path: '2/ü.png', bytes: 9, error },
    ]);
  });

  test('a failure is over when no file of the inbox has its job any more; lists and counts agree', async () => {
    const error = { code: 'image_unreadable', message: 'The image is cut off' } as const;
    const failInbox = async (sha256: string) =>
      (await endOne(store, { state: 'failed', idempotency: { key: `inbox ${sha256}`, fingerprint: sha256 } })).id;
    const put = (path: string, file: object) =>
      store.recordInboxFiles([{ path, stamp: path, bytes: 9, sha256: 'ab'.repeat(32), ...file }]);
    const known = async () =>
      (await reader.failures({ limit: 50 })).rows.map((row) => ('id' in row ? row.id : row.path));
    const counted = async () => {
      const { countedAt } = await reader.status();
      clock.pass(1);
      await expect.poll(async () => (await reader.status()).countedAt, { timeout: 20_000 }).not.toBe(countedAt);
      return (await reader.status()).failures;
    };
    const [replaced, kept, copied] = [await failInbox('1'), await failInbox('2'), await failInbox('3')];
    const sent = await failOne();
    const keyed = await endOne(store, { state: 'failed', idempotency: { key: 'Inbox of mine', fingerprint: '' } });
    await put('replaced.png', { jobId: replaced });
    await put('kept.png', { jobId: kept });
    await put('copied.png', { jobId: copied });
    await put('copy.png', { jobId: copied });
    await put('empty.png', { error });
    expect(await known()).toEqual([keyed.id, sent, copied, kept, replaced, 'empty.png']);
    expect(await counted()).toBe(6);

    await put('replaced.png', { stamp: 'whole', jobId: await readPage('fine') });
    await put('copied.png', { stamp: 'whole', jobId: await readPage('fine') });
    await put('empty.png', { stamp: 'whole', jobId: await readPage('fine') });
    expect(await known()).toEqual([keyed.id, sent, copied, kept]);
    expect(await counted()).toBe(4);

    await store.forgetInboxFiles(['kept.png', 'copy.png']);
    const pages = await allPages((at) => reader.failures({ limit: 1, ...at }));
    expect(pages).toMatchObject([{ id: keyed.id }, { id: sent }]);
    expect(await counted()).toBe(2);
    // The dead-letter view of the API, and the history of results, know all of them.
    expect((await reader.results({ states: ['failed'], limit: 50 })).rows).toHaveLength(5);
  });

  test('the status counts', async () => {
    expect(await reader.status()).toMatchObject({
      jobs: { queued: 0, active: 0, succeeded: 0, failed: 0, canceled: 0 },
      finished: { lastMinute: 0, lastHour: 0, lastDay: 0 },
    });
    await readPage('a');
    clock.pass(23 * 3_600_000);
    await failOne();
    clock.pass(59 * 60_000);
    await endOne(store, { state: 'canceled' });
    await acceptOne(store);
    clock.pass(5_000);
    await acceptOne(store);
    await claimOne(store, await acceptOne(store));
    // The count of before is told again for a second.
    await expect.poll(async () => (await reader.status()).countedAt, { timeout: 20_000 }).toBe(clock.value);
    const status = await reader.status();
    expect(status).toEqual({
      countedAt: clock.value,
      jobs: { queued: 2, active: 1, succeeded: 1, failed: 1, canceled: 1 },
      failures: 1,
      oldestQueuedMs: 5_000,
      finished: { lastMinute: 1, lastHour: 2, lastDay: 3 },
      databaseBytes: expect.any(Number),
    });
    expect(status.databaseBytes).toBeGreaterThan(50_000);
  });

  test('whatever is stored changes the token, and nothing else does', async () => {
    const job = newJob();
    const steps: (() => Promise<unknown>)[] = [
      () => store.accept([job]),
      async () => store.finishFailed(await claimOne(store, job), pageError),
      () => store.retryFailed(job.id),
      async () => store.finishSucceeded(await claimOne(store, { id: job.id, generation: 1 }), pageOf('a')),
      () => store.recordInboxFiles([{ path: 'a.png', stamp: 's', bytes: 1, jobId: job.id }]),
      () => store.deleteFinished({ finishedBefore: clock.value + 1, limit: 1 }),
    ];
    const seen = new Set<string>();
    for (const step of steps) {
      await step();
      const token = await reader.changes();
      expect(seen).not.toContain(token);
      seen.add(token);
      await reader.results({ limit: 1 });
      expect(await reader.changes()).toBe(token);
    }
  });

  test('cursors that no page gave out are refused', async () => {
    for (const cursor of ['', '0', 'A', '../', '1e-9.', 'zzzzzzzzzzzz', '1-', '1.', '-1', "1' OR"]) {
      const calls = [
        reader.results({ cursor, limit: 1 }),
        reader.search({ cursor, limit: 1, text: 'a' }),
        reader.failures({ cursor, limit: 1 }),
      ];
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'invalid_request' } });
      }
    }
  });

  test('nothing can be written through its connection', async () => {
    const id = await readPage('stays');
    const database = await openReadable(url);
    for (const statement of writes) {
      await expect(database.read((db) => db.all(sql.raw(statement)))).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/^(SQLITE_READONLY|Postgres 25006)/) },
      });
    }
    for (const statement of definitions) {
      await expect(database.read((db) => db.all(sql.raw(statement)))).rejects.toMatchObject({ name: 'OcrError' });
    }
    expect(await database.read((db) => db.all(sql`SELECT text FROM lines`))).toEqual([{ text: 'stays' }]);
    expect(await database.read((db) => db.all(sql`SELECT id, state FROM jobs`))).toEqual([{ id, state: 'succeeded' }]);
    await database.close();
  });

  test('all that one call reads is of one moment', async () => {
    await readPage('a');
    const database = await openReadable(url);
    const count = sql`SELECT count(*) AS count FROM jobs`;
    const counts = await database.read(async (db) => {
      const before = await db.all(count);
      await acceptOne(store);
      return [...before, ...(await db.all(count))];
    });
    expect(counts).toEqual([{ count: 1 }, { count: 1 }]);
    expect(await database.read((db) => db.all(count))).toEqual([{ count: 2 }]);
    await database.close();
  });

  test('a closed reader says so', async () => {
    await reader.close();
    await expect(reader.results({ limit: 1 })).rejects.toMatchObject({ code: 'store_unavailable' });
  });
});
