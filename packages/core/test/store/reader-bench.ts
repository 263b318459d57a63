import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createResultReader, type ResultReader } from '../../src/store/reader/results.ts';
import { needle, storeManyResults, vocabulary } from './many-results.ts';
import { logger, openStore } from './store-fixture.ts';

/**
 * How fast pages of results are read from a store that holds many. Usage: node packages/core/test/store/reader-bench.ts
 * [--folder FOLDER | --database-url file:…|postgres://…] [--jobs N] [--filled] [--rounds N]
 */
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '.' },
    'database-url': { type: 'string' },
    jobs: { type: 'string', default: '100000' },
    /** The database has been filled by a run before. */
    filled: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '60' },
  },
});
const rounds = Number(values.rounds);
const limit = 50;

function timeAt(times: readonly number[], share: number): string {
  const sorted = times.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1).padStart(8);
}

/** Beside the time that passed, what this process worked: on a machine with much else to do the two differ. */
async function measure(what: string, work: (round: number) => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  const workTimes: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    const workedBefore = process.cpuUsage();
    await work(round);
    const { user, system } = process.cpuUsage(workedBefore);
    times.push(performance.now() - startedAt);
    workTimes.push((user + system) / 1000);
  }
  const columns = [timeAt(times, 0.5), timeAt(times, 0.95), timeAt(workTimes, 0.5), timeAt(workTimes, 0.95)];
  console.log(what.padEnd(46) + columns.join(''));
}

/** The cursor of a page deep in the list. */
async function deepCursor(read: (cursor?: string) => Promise<{ readonly nextCursor?: string }>, pages: number) {
  let cursor: string | undefined;
  for (let page = 0; page < pages; page += 1) {
    const { nextCursor } = await read(cursor);
    if (nextCursor === undefined) break;
    cursor = nextCursor;
  }
  return cursor;
}

async function measureReader(reader: ResultReader): Promise<void> {
  const word = (rank: number): string => vocabulary[rank] ?? '';
  const at = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });
  const heads = ['p50', 'p95', 'cpu p50', 'cpu p95'].map((head) => head.padStart(8));
  console.log('milliseconds'.padEnd(46) + heads.join(''));
  await measure('results, first page', () => reader.results({ limit }));
  const deep = await deepCursor((cursor) => reader.results({ limit: 100, ...at(cursor) }), 500);
  await measure('results, half way down', () => reader.results({ limit, ...at(deep) }));
  await measure('results, failed ones', () => reader.results({ limit, states: ['failed', 'canceled'] }));
  const [newest] = (await reader.results({ limit: 1 })).rows;
  await measure('one result', () => reader.result(newest?.id ?? ''));
  const searches: [string, (round: number) => string][] = [
    ['the most common word', () => word(0)],
    ['common words', (round) => word(round % 20)],
    ['words of the middle', (round) => word(500 + 37 * (round % 40))],
    ['uncommon words', (round) => word(5_000 + 211 * (round % 60))],
    ['a word of the oldest three only', () => needle],
    ['a word that is nowhere', () => 'nowhere'],
    ['the first letter of a word', (round) => 'bcdfghklmnprstvw'.charAt(round % 16)],
    ['the first two letters', (round) => word(round % 60).slice(0, 2)],
    ['three letters', (round) => word(300 + round).slice(0, 3)],
    ['two common words', (round) => `${word(round % 10)} ${word(10 + (round % 7))}`],
    ['a common and an uncommon word', (round) => `${word(0)} ${word(3_000 + 211 * (round % 60))}`],
    [
      'an uncommon word, then a letter',
      (round) => `${word(3_000 + 211 * (round % 60))} ${'bcdfghk'.charAt(round % 7)}`,
    ],
    ['two common words and the oldest', () => `${word(0)} ${word(1)} ${needle}`],
    ['four common words', (round) => [0, 1, 2, 3].map((rank) => word(rank + (round % 5))).join(' ')],
  ];
  for (const [what, textOf] of searches) {
    await measure(`search, ${what}`, (round) => reader.search({ text: textOf(round), limit }));
  }
  for (const text of [word(0), word(700)]) {
    const cursor = await deepCursor((from) => reader.search({ text, limit: 100, ...at(from) }), 100);
    await measure(`search, page 200 of ${text}`, () => reader.search({ text, limit, ...at(cursor) }));
  }
  await measure('failures, first page', () => reader.failures({ limit }));
  const old = await deepCursor((cursor) => reader.failures({ limit: 100, ...at(cursor) }), 15);
  await measure('failures, page 30', () => reader.failures({ limit, ...at(old) }));
  await measure('changes', () => reader.changes());
  await measure('status, as it is told', () => reader.status());
}

const folder = mkdtempSync(path.join(path.resolve(values.folder), 'reader-bench-'));
const databaseUrl = values['database-url'] ?? `file:${folder}/ocr_data.db`;
try {
  const store = await openStore(databaseUrl);
  if (!values.filled) await storeManyResults(store, Number(values.jobs));
  await store.close();
  const reader = createResultReader({ databaseUrl, logger });
  const before = process.memoryUsage().rss;
  await reader.ready;
  const startedAt = performance.now();
  const { jobs, databaseBytes } = await reader.status();
  console.log(
    `counted in ${(performance.now() - startedAt).toFixed(0)} ms: ${JSON.stringify(jobs)}, ${databaseBytes} bytes`,
  );
  await measureReader(reader);
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;
  console.log(`memory of the process: ${megabytes(process.memoryUsage().rss)}, before the reader ${megabytes(before)}`);
  await reader.close();
} finally {
  rmSync(folder, { recursive: true });
}
