import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { acceptJobs } from './accept-jobs.ts';
import { createClaims } from './claims.ts';
import type { Database, OpenableDatabase } from './database.ts';
import { createJobQueries } from './job-queries.ts';
import type { FinishedPage, NewJob } from './job-store.ts';
import { createSqliteDatabase } from './sqlite/sqlite-database.ts';

let folder: string;
let database: OpenableDatabase;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glyphmill-statements-'));
  database = createSqliteDatabase({ url: `file:${folder}/ocr_data.db`, now: Date.now });
  await database.open();
  await database.migrations.migrate();
});
afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

function jobsOf(count: number, changes: (index: number) => Partial<NewJob> = () => ({})): NewJob[] {
  return Array.from({ length: count }, (_item, index) => ({
    id: `job-${index}`,
    lane: 'bulk',
    priority: 100,
    source: { kind: 'url', url: 'https://images.example/card.png' },
    ...changes(index),
  }));
}

const claimOf = async (id: string) => {
  const answer = await createClaims(database).claim({ id, generation: 0, workerId: 'w', leaseMs: 20_000 });
  if (answer.kind !== 'claimed') throw new Error(`Not claimed: ${answer.kind}`);
  return answer.claim;
};

const boxAt = (x: number): FinishedPage['result']['lines'][number]['box'] => [
  [x, 0],
  [x, 1],
  [x, 2],
  [x, 3],
];

test('a long page is stored in pieces, between which others get their turn', async () => {
  await acceptJobs(database, jobsOf(1));
  let turns = 0;
  const pieces: { readonly lines: number; readonly turn: number }[] = [];
  const watched: Database = {
    ...database,
    dialect: {
      ...database.dialect,
      insertLines(seq, lines) {
        pieces.push({ lines: lines.length, turn: turns });
        return database.dialect.insertLines(seq, lines);
      },
    },
  };
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  count();
  const lines = Array.from({ length: 1_700 }, (_item, index) => ({
    text: `Line number ${index}`,
    confidence: 0.5,
    box: boxAt(index),
  }));
  const result = { width: 1, height: 1, model: 'small' as const, timings: { detect: 1, recognize: 1 }, lines };
  const page = { sha256: 'ab'.repeat(32), engineVersion: '1', result };
  expect(await createClaims(watched).finishSucceeded(await claimOf('job-0'), page)).toBe(true);
  isDone = true;
  expect(pieces.map((piece) => piece.lines)).toEqual([500, 500, 500, 200]);
  expect(new Set(pieces.map(({ turn }) => turn)).size).toBe(4);
  const queries = createJobQueries(database);
  expect((await queries.get('job-0'))?.result?.lines).toEqual(lines);
  expect(await queries.searchLines({ text: '1234', limit: 10 })).toMatchObject([{ lineIndex: 1234 }]);
});

test('a job that changes its state while several states are listed is on the page once', async () => {
  await acceptJobs(database, jobsOf(3));
  const claims = createClaims(database);
  let held: Awaited<ReturnType<typeof claimOf>> | undefined;
  const flip = async (): Promise<void> => {
    if (held !== undefined) await claims.release(held);
    held = held === undefined ? await claimOf('job-1') : undefined;
  };
  const busy: Database = {
    ...database,
    read: (use) =>
      database.read((sql) =>
        use({
          ...sql,
          async all(query) {
            const rows = await sql.all(query);
            await flip();
            return rows as never;
          },
        }),
      ),
  };
  const { list } = createJobQueries(busy);
  for (const states of [['queued', 'active'] as const, ['active', 'queued'] as const]) {
    for (let round = 0; round < 2; round += 1) {
      const { jobs } = await list({ states, limit: 10 });
      expect(jobs.map(({ id }) => id)).toEqual(['job-2', 'job-1', 'job-0']);
    }
  }
});

test('positions are right wherever the counting begins, and of changes far ahead they know a second later', async () => {
  const priorityOf = (index: number): number => [100, 7, 100, 1000, 0, 100, 8][index % 7] ?? 100;
  const jobs = jobsOf(6_000, (index) => ({
    priority: priorityOf(index),
    lane: index % 10 === 9 ? 'interactive' : 'bulk',
  }));
  for (let start = 0; start < jobs.length; start += 1000) await acceptJobs(database, jobs.slice(start, start + 1000));
  const laneOf = (lane: string): string[] =>
    jobs
      .filter((job) => job.lane === lane)
      // Sorting is stable: within a priority the order of acceptance stays; the interactive lane has no priorities.
      .toSorted((a, b) => (lane === 'bulk' ? a.priority - b.priority : 0))
      .map(({ id }) => id);
  const bulk = laneOf('bulk');
  const expected = new Map([...bulk.entries(), ...laneOf('interactive').entries()].map(([at, id]) => [id, at + 1]));
  const { position } = createJobQueries(database);
  for (let asked = 0; asked < 400; asked += 1) {
    const { id } = jobs[(asked * 1_117) % jobs.length] ?? { id: '' };
    expect(await position(id)).toBe(expected.get(id));
  }
  const [first, second, ...others] = bulk;
  const last = others.at(-1);
  await claimOf(first ?? '');
  expect(await position(second ?? '')).toBe(1);
  await vi.waitFor(async () => expect(await position(last ?? '')).toBe(bulk.length - 1), { timeout: 10_000 });
});

test('a long count is not done twice in a second', async () => {
  const jobs = jobsOf(3_000);
  await acceptJobs(database, jobs);
  const { position } = createJobQueries(database);
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    expect(await position('job-2999')).toBe(3000);
    await claimOf('job-0');
    // The mark that the count has left counts the job still; near the front nothing is out of date.
    expect(await position('job-2999')).toBe(3000);
    expect(await position('job-10')).toBe(10);
    vi.advanceTimersByTime(1_001);
    expect(await position('job-2999')).toBe(2999);
  } finally {
    vi.useRealTimers();
  }
});
