// One page and several real processes: those without a page read lines of the one that is there.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  createEnginePool,
  type EnginePool,
  type EnginePoolOptions,
  type PoolEvent,
  type ReadOptions,
} from '../src/pool/engine-pool.ts';
import type { PageResult } from '../src/types.ts';

const sample = (name: string) => readFile(fileURLToPath(new URL(`../samples/${name}`, import.meta.url)));
const defaults: EnginePoolOptions = { processes: 2, model: 'tiny', pageTimeoutMs: 80_000, memoryLimitBytes: 2e9 };
const what = ({ width, height, lines }: PageResult) => ({ width, height, lines });

/** Pages of a few lines, of many, and of lines that stand on their head. */
const names = ['tilted-receipt.jpg', 'long-screenshot.png', 'upside-down.png', 'two-columns.png', 'blank.png'];
let pages: Buffer[];
let alone: ReturnType<typeof what>[];
beforeAll(async () => {
  pages = await Promise.all(names.map(sample));
  const pool = await createEnginePool({ ...defaults, processes: 1 });
  try {
    const read = await Promise.all(pages.map((page) => pool.recognize(page)));
    alone = read.map(what);
    expect(pool.stats().helpedLines).toBe(0);
  } finally {
    await pool.close();
  }
});

const longPage = () => ({ bytes: pages[1] ?? Buffer.alloc(0), expected: alone[1] });

let open: EnginePool | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function startPool(options: Partial<EnginePoolOptions> = {}) {
  const events: PoolEvent[] = [];
  open = await createEnginePool({ ...defaults, onEvent: (event) => events.push(event), ...options });
  return { pool: open, types: () => events.map(({ type }) => type) };
}

/**
 * A page that is being read by two processes at this moment, and the helper. A crowded machine may be done with it before
 * that is seen: then it is read once more.
 */
async function readWithHelp(
  pool: EnginePool,
  options?: ReadOptions,
): Promise<{ reading: Promise<PageResult>; helper: number }> {
  for (let tries = 1; ; tries++) {
    const reading = pool.recognize(longPage().bytes, options);
    let isRead = false;
    const end = (): void => void (isRead = true);
    reading.then(end, end);
    while (!isRead) {
      const [helper] = pool.stats().helpingPids;
      if (helper !== undefined) return { reading, helper };
      await delay(1);
    }
    if (tries === 10) throw new Error('Nobody helps');
  }
}

describe('a page alone', () => {
  it.each([2, 3])('is read by all of %i processes, just as one reads it', async (processes) => {
    const { pool } = await startPool({ processes });
    const read: PageResult[] = [];
    for (const page of pages) read.push(await pool.recognize(page));
    expect(read.map(what)).toEqual(alone);
    expect(pool.stats().helpedLines).toBeGreaterThan(10);
    expect(pool.stats()).toMatchObject({ helpingPids: [], idle: processes, busy: 0, restarts: {} });
  });

  it('is read to its end when a helper dies, and its death is not the page’s', async () => {
    const { pool, types } = await startPool();
    const { expected } = longPage();
    const { reading, helper } = await readWithHelp(pool);
    process.kill(helper, 'SIGKILL');
    expect(what(await reading)).toEqual(expected);
    expect(types()).not.toContain('page_retried');
    expect(pool.stats().restarts).toEqual({ SIGKILL: 1 });
  });

  it('does not wait for a helper that stands still, which is replaced', async () => {
    const { pool } = await startPool({ pageTimeoutMs: 60_000 });
    const { expected } = longPage();
    const { reading, helper } = await readWithHelp(pool);
    process.kill(helper, 'SIGSTOP');
    expect(what(await reading)).toEqual(expected);
    await vi.waitFor(() => expect(pool.stats().restarts).toEqual({ lines_timeout: 1 }), { timeout: 30_000 });
  });

  it('is read again, by one process alone, when its own dies while others help', async () => {
    const { pool, types } = await startPool();
    const { expected } = longPage();
    const { reading, helper } = await readWithHelp(pool);
    const owner = pool.stats().pids.find((pid) => pid !== helper);
    process.kill(owner ?? -1, 'SIGKILL');
    await vi.waitFor(() => expect(types()).toContain('page_retried'), { timeout: 20_000, interval: 1 });
    const { helpedLines } = pool.stats();
    expect(what(await reading)).toEqual(expected);
    // What was in the helper's hand may still have been counted.
    expect(pool.stats().helpedLines - helpedLines).toBeLessThan(64);
    expect(types()).not.toContain('page_poisoned');
  });

  it('can be canceled while others help, and the next one is read', async () => {
    const { pool } = await startPool();
    const { bytes, expected } = longPage();
    const abort = new AbortController();
    const { reading } = await readWithHelp(pool, { signal: abort.signal });
    abort.abort();
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    await vi.waitFor(() => expect(pool.stats().helpingPids).toEqual([]), { timeout: 20_000 });
    expect(what(await pool.recognize(bytes))).toEqual(expected);
  });

  it('is rejected with its helpers gone when the pool is closed', async () => {
    const { pool } = await startPool();
    const { pids } = pool.stats();
    const { reading } = await readWithHelp(pool);
    await Promise.all([pool.close(), expect(reading).rejects.toMatchObject({ code: 'aborted' })]);
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });

  it('has its lines to itself where pages are batched', async () => {
    const { pool } = await startPool({ batching: { maxBatchSize: 2, maxQueueDelayMs: 1 } });
    expect((await pool.recognize(longPage().bytes)).lines.length).toBeGreaterThan(10);
    expect(pool.stats().helpedLines).toBe(0);
  });
});

describe('the threads of an engine', () => {
  /** ONNX Runtime's threads have the name of the thread that began them; V8's, libuv's and libvips' have their own. */
  const threads = async (pid: number | undefined) => {
    const tasks = await readdir(`/proc/${pid}/task`);
    const threadNames = await Promise.all(
      tasks.map((task) => readFile(`/proc/${pid}/task/${task}/comm`, 'utf8').catch(() => '')),
    );
    return threadNames.filter((name) => name === 'MainThread\n').length;
  };

  it('are as many as cores while pages come one by one, and few while each process has its page', async () => {
    const { pool } = await startPool({ processes: 3 });
    const small = await sample('single-line-tight.png');
    const counts = () => Promise.all(pool.stats().pids.map(threads));
    const expected = what(await pool.recognize(small));
    const expectAll = (count: number) =>
      vi.waitFor(async () => expect(await counts()).toEqual([count, count, count]), { timeout: 30_000 });
    await expectAll(3);
    const loaded = await Promise.all(Array.from({ length: 24 }, () => pool.recognize(small)));
    expect(loaded.map(what).every((page) => isDeepStrictEqual(page, expected))).toBe(true);
    await expectAll(1);
    for (let page = 0; page < 15; page++) expect(what(await pool.recognize(small))).toEqual(expected);
    await expectAll(3);
  });
});

describe('pages enough for all', () => {
  it('are read by a process each', async () => {
    const { pool } = await startPool();
    const { bytes, expected } = longPage();
    const stop = new AbortController();
    // As long as these wait, no process is without a page.
    const full = Array.from({ length: 6 }, () => pool.recognize(bytes, { signal: stop.signal }));
    const [first, second, ...rest] = full;
    const read = await Promise.all([first, second]);
    expect(read.map((page) => page && what(page))).toEqual([expected, expected]);
    expect(pool.stats().waiting).toBeGreaterThan(0);
    expect(pool.stats().helpedLines).toBe(0);
    stop.abort();
    await Promise.allSettled(rest);
  });

  it('go before lines: a page that comes is begun by who helps another', async () => {
    const { pool } = await startPool();
    const { bytes, expected } = longPage();
    const { reading } = await readWithHelp(pool);
    const starts: number[] = [];
    const small = pages[0] ?? bytes;
    const next = pool.recognize(small, { onStart: () => starts.push(pool.stats().waiting) });
    expect(starts).toEqual([0]);
    expect(pool.stats()).toMatchObject({ idle: 0, busy: 2 });
    expect(what(await next)).toEqual(alone[0]);
    expect(what(await reading)).toEqual(expected);
    expect(pool.stats().restarts).toEqual({});
  });
});
