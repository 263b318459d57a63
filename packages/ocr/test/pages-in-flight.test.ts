// Several pages in the hands of one real process: what happens to one is not to hurt the others.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type BatchReport,
  createEnginePool,
  type EnginePool,
  type EnginePoolOptions,
  type PoolEvent,
} from '../src/pool/engine-pool.ts';
import { isWorking } from './is-working.ts';

const sample = (name: string) => readFile(fileURLToPath(new URL(`../samples/${name}`, import.meta.url)));
const defaults: EnginePoolOptions = {
  processes: 1,
  model: 'tiny',
  batching: { maxBatchSize: 2, maxQueueDelayMs: 20 },
  pageTimeoutMs: 80_000,
  memoryLimitBytes: 2e9,
};

let page: Buffer;
let longPage: Buffer;
/** Takes seconds: time enough to kill who reads it. */
let screenshot: Buffer;
beforeAll(async () => {
  const names = ['single-line-tight.png', 'progressive.jpg', 'long-screenshot.png'];
  [page, longPage, screenshot] = (await Promise.all(names.map(sample))) as [Buffer, Buffer, Buffer];
});

let open: EnginePool | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function startPool(options: Partial<EnginePoolOptions> = {}) {
  const events: PoolEvent[] = [];
  const batches: BatchReport[] = [];
  open = await createEnginePool({
    ...defaults,
    onEvent: (event) => events.push(event),
    onBatch: (batch) => batches.push(batch),
    ...options,
  });
  const types = (): string[] => events.map(({ type }) => type);
  return { pool: open, batches, types, pid: open.stats().pids[0]! };
}

const count = (types: readonly string[], type: string) => types.filter((other) => other === type).length;

describe('pages in flight', () => {
  it('are as many as the batch that runs and the next one, and their batches are told', async () => {
    const { pool, batches } = await startPool();
    expect([pool.size, pool.capacity]).toEqual([1, 4]);
    const reading = Array.from({ length: 6 }, () => pool.recognize(page));
    expect(pool.pagesInHand).toBe(4);
    expect(pool.stats()).toMatchObject({ idle: 0, busy: 1, waiting: 2 });
    const read = await Promise.all(reading);
    expect(new Set(read.map(({ lines }) => lines[0]?.text)).size).toBe(1);
    expect(read[0]!.lines).not.toEqual([]);
    expect(pool.pagesInHand).toBe(0);
    expect(pool.stats()).toMatchObject({ idle: 1, busy: 0, waiting: 0 });
    expect(batches).toContainEqual({ model: 'detector', size: 2, fill: 1 });
    const lines = batches.filter(({ model }) => model === 'recognizer');
    expect(lines.reduce((sum, { size }) => sum + size, 0)).toBeGreaterThanOrEqual(6);
  });

  it('are each read again, alone, when their process dies', async () => {
    const { pool, types, pid } = await startPool();
    const readers: number[] = [];
    let isKilled = false;
    const reading = [longPage, page, longPage].map((bytes) =>
      pool.recognize(bytes, { onStart: () => void (isKilled && readers.push(pool.pagesInHand)) }),
    );
    await isWorking(pid);
    isKilled = true;
    process.kill(pid, 'SIGKILL');
    const read = await Promise.all(reading);
    expect(read.every(({ lines }) => lines.length > 0)).toBe(true);
    expect(types()).not.toContain('page_poisoned');
    // Nobody else was there when a page began that had been in hand.
    expect(readers.length).toBeGreaterThan(0);
    expect(readers.every((others) => others === 0)).toBe(true);
    expect(pool.stats().restarts).toEqual({ SIGKILL: 1 });
  });

  it('lose nothing by a neighbor that kills its process each time, which is poison', async () => {
    const { pool, types } = await startPool();
    const neighbors = [pool.recognize(page), pool.recognize(longPage)];
    const killSoon = async (): Promise<void> => {
      const [current] = pool.stats().pids;
      await isWorking(current!);
      process.kill(current!, 'SIGSEGV');
    };
    const poison = pool.recognize(screenshot, { onStart: () => void killSoon() });
    const later = pool.recognize(page);
    await expect(poison).rejects.toMatchObject({ code: 'poison_image', retryable: false });
    const read = await Promise.all([...neighbors, later]);
    expect(read.every(({ lines }) => lines.length > 0)).toBe(true);
    expect(count(types(), 'page_poisoned')).toBe(1);
    expect(pool.stats().restarts).toEqual({ SIGSEGV: 2 });
  });

  it('are read again when one of them runs into its deadline', async () => {
    const { pool, types, pid } = await startPool({ pageTimeoutMs: 15_000 });
    process.kill(pid, 'SIGSTOP');
    const read = await Promise.all([pool.recognize(page), pool.recognize(page)]);
    expect(read.every(({ lines }) => lines.length > 0)).toBe(true);
    expect(types()).not.toContain('page_poisoned');
    expect(pool.stats().restarts).toEqual({ page_timeout: 1 });
  }, 180_000);

  it('keep their process when one of them is canceled and does not stop in time', async () => {
    const { pool, pid } = await startPool();
    const abort = new AbortController();
    process.kill(pid, 'SIGSTOP');
    const canceled = pool.recognize(longPage, { signal: abort.signal });
    const neighbors = [pool.recognize(page), pool.recognize(page)];
    abort.abort();
    await expect(canceled).rejects.toMatchObject({ code: 'aborted' });
    // It has its place until it ends: the process cannot do more than it is doing.
    expect(pool.pagesInHand).toBe(3);
    process.kill(pid, 'SIGCONT');
    expect((await Promise.all(neighbors)).every(({ lines }) => lines.length > 0)).toBe(true);
    await vi.waitFor(() => expect(pool.pagesInHand).toBe(0), { timeout: 20_000 });
    expect(pool.stats().pids).toEqual([pid]);
    expect(pool.stats().restarts).toEqual({});
  });

  it('are all ended by a process that has grown too large, before it is replaced', async () => {
    const { pool, types, pid } = await startPool({ memoryLimitBytes: 1e6 });
    const read = await Promise.all(Array.from({ length: 6 }, () => pool.recognize(page)));
    expect(read.every(({ lines }) => lines.length > 0)).toBe(true);
    expect(types()).not.toContain('page_retried');
    await vi.waitFor(() => expect(existsSync(`/proc/${pid}`)).toBe(false), { timeout: 20_000 });
    expect(count(types(), 'process_recycled')).toBeGreaterThanOrEqual(1);
    expect(Object.keys(pool.stats().restarts)).toEqual(['memory']);
  });

  it('are rejected when the pool is closed', async () => {
    const { pool, pid } = await startPool();
    const reading = Array.from({ length: 6 }, () => pool.recognize(longPage));
    await Promise.all([
      pool.close(),
      ...reading.map((promise) => expect(promise).rejects.toMatchObject({ code: 'aborted' })),
    ]);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  it('tries usual shapes before the first of them where that is asked for', async () => {
    const startedAt = performance.now();
    const { pool } = await startPool({ warmUpMs: 1_500 });
    // On a CPU each shape takes a while, so that the time runs out and not the shapes.
    expect(performance.now() - startedAt).toBeGreaterThan(1_500);
    expect((await pool.recognize(page)).lines).not.toEqual([]);
  });
});
