import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isSlowRun, testDurableAftermath, useDurableStack } from './src/durable-stack.ts';
import { delay } from './src/eventually.ts';
import { idOf } from './src/ledger.ts';
import { rssBytesOf } from './src/process-table.ts';

const megabyte = 2 ** 20;
const burst = isSlowRun ? 10_000 : 500;
/** Reading them is all that takes time: ten pages a second are slow for a page of one line. */
const burstTimeoutMs = 60_000 + burst * 100;

describe('many at once', () => {
  const get = useDurableStack({ env: { ENGINE_PROCESSES: '2' }, network: 'socket' });

  test('the same file submitted 100 times: 100 jobs, one file kept', async () => {
    const { stack, ledger } = get();
    const entries = await ledger.submitMany(Array.from({ length: 100 }, () => ({ picture: 'small', via: 'upload' })));
    expect(new Set(entries.map(({ id }) => id)).size).toBe(100);
    expect(await countFilesLike(join(stack.dataDir, 'blobs'), stack.pictures.small)).toBe(1);
    await ledger.settle('one file 100 times', { endedAt: Date.now() });
  });

  test('one request sent 100 times under one key: one job', async () => {
    const { ledger } = get();
    for (const via of ['url', 'upload'] as const) {
      const answers = await ledger.submitAtOnce({ picture: 'giftCard', via }, 100);
      expect(new Set(answers.map((answer) => answer?.status))).toEqual(new Set([202]));
      expect(new Set(answers.map(idOf)).size).toBe(1);
    }
    await ledger.settle('one key 100 times', { endedAt: Date.now() });
  });

  test(`a burst of ${burst} jobs: all are read, the API stays small`, { timeout: 2 * burstTimeoutMs }, async () => {
    const { stack, ledger } = get();
    const memory = watchMemory(() => rssBytesOf(stack.api.pid));
    const startedAt = Date.now();
    const batches = 10;
    await Promise.all([
      ...Array.from({ length: batches }, () => ledger.submitBatch('small', burst / batches)),
      ledger.submitMany(Array.from({ length: 32 }, () => ({ picture: 'small', via: 'upload' }))),
    ]);
    const acceptedAt = Date.now();
    await ledger.settle(`a burst of ${burst}`, { endedAt: acceptedAt, withinMs: burstTimeoutMs });
    const peakBytes = await memory.end();
    const read = ledger.entries.length / ((Date.now() - startedAt) / 1000);
    console.log(
      `accepted in ${acceptedAt - startedAt} ms, ${read.toFixed(0)} pages/s, API ${(peakBytes / megabyte).toFixed(0)} MB at most`,
    );
    expect(peakBytes).toBeLessThan(300 * megabyte);
  });

  testDurableAftermath(get);
});

function watchMemory(measure: () => number): { end(): Promise<number> } {
  let peak = 0;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      peak = Math.max(peak, measure());
      await delay(100);
    }
  })();
  return {
    async end() {
      isOver = true;
      await watching;
      return peak;
    },
  };
}

async function countFilesLike(folder: string, bytes: Uint8Array): Promise<number> {
  const files = (await readdir(folder, { withFileTypes: true, recursive: true })).filter((entry) => entry.isFile());
  // What is being written is renamed meanwhile.
  const contents = await Promise.all(
    files.map((file) => readFile(join(file.parentPath, file.name)).catch(() => Buffer.alloc(0))),
  );
  return contents.filter((content) => content.equals(bytes)).length;
}
