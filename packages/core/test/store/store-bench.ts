import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { JobStore } from '../../src/store/store.ts';
import { claimOne, newJob, openStore, pageOf } from './store-fixture.ts';

/**
 * How fast a store takes jobs, beside what its disk can do. Usage: node packages/core/test/store/store-bench.ts
 * [--folder FOLDER | --database-url postgres://…] [--seconds N]
 */
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '.' },
    'database-url': { type: 'string' },
    seconds: { type: 'string', default: '3' },
  },
});
const durationMs = Number(values.seconds) * 1000;

const clients = 32;
const batchSize = 1000;
/** A printed page: lines and words a line. */
const page = pageOf(...Array.from({ length: 30 }, (_item, index) => `line ${index} of a page with about six words`));

/** Repeats until the time is over; how often a second. */
async function rate(work: () => Promise<unknown>, concurrency = 1): Promise<number> {
  const startedAt = performance.now();
  const end = startedAt + durationMs;
  let count = 0;
  const repeat = async (): Promise<void> => {
    while (performance.now() < end) {
      await work();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, () => repeat()));
  return (count * 1000) / (performance.now() - startedAt);
}

/** What a commit asks of the disk, and nothing else: a page appended and flushed. */
async function flushRate(folder: string): Promise<number> {
  const file = openSync(path.join(folder, 'flushed'), 'w');
  const block = Buffer.alloc(4096, 1);
  try {
    return await rate(async () => {
      writeSync(file, block);
      fdatasyncSync(file);
    });
  } finally {
    closeSync(file);
  }
}

async function measure(store: JobStore): Promise<void> {
  const show = (what: string, perSecond: number): void => console.log(`${what.padEnd(52)} ${perSecond.toFixed(0)}/s`);
  show(
    `accepted, batches of ${batchSize}`,
    batchSize * (await rate(() => store.accept(Array.from({ length: batchSize }, () => newJob())))),
  );
  show(`accepted, one by one, ${clients} callers`, await rate(() => store.accept([newJob()]), clients));
  show('accepted, one by one, one caller', await rate(() => store.accept([newJob()])));
  const runOne = async (): Promise<void> => {
    const job = newJob();
    await store.accept([job]);
    await store.finishSucceeded(await claimOne(store, job), page);
  };
  show(`accepted, claimed and stored with 30 lines, ${clients} callers`, await rate(runOne, clients));
}

const folder = mkdtempSync(path.join(path.resolve(values.folder), 'store-bench-'));
try {
  if (values['database-url'] === undefined) {
    console.log(
      `${'flushes of the disk alone (4 KB, fdatasync)'.padEnd(52)} ${(await flushRate(folder)).toFixed(0)}/s`,
    );
  }
  const store = await openStore(values['database-url'] ?? `file:${folder}/ocr_data.db`);
  await measure(store);
  await store.close();
} finally {
  rmSync(folder, { recursive: true });
}
