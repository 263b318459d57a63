import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeImage } from '../src/image.ts';
import { bakedModelsDir } from '../src/manifest.ts';
import { createEnginePool, type EnginePool, type EnginePoolOptions, type PoolEvent } from '../src/pool/engine-pool.ts';
import { defaultImageLimits } from '../src/types.ts';
import { isWorking } from './is-working.ts';

const sample = (name: string) => readFile(fileURLToPath(new URL(`../samples/${name}`, import.meta.url)));
const defaults: EnginePoolOptions = { processes: 1, model: 'tiny', pageTimeoutMs: 60_000, memoryLimitBytes: 2e9 };

let page: Buffer;
let longPage: Buffer;
beforeAll(async () => {
  [page, longPage] = await Promise.all([sample('progressive.jpg'), sample('long-screenshot.png')]);
});

let open: EnginePool | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function startPool(options: Partial<EnginePoolOptions> = {}): Promise<{ pool: EnginePool; events: PoolEvent[] }> {
  const events: PoolEvent[] = [];
  open = await createEnginePool({ ...defaults, onEvent: (event) => events.push(event), ...options });
  return { pool: open, events };
}

/** The one process, as soon as there is one. */
async function onlyPid(of: EnginePool): Promise<number> {
  return vi.waitFor(() => {
    const [pid] = of.stats().pids;
    if (pid === undefined) throw new Error('no process yet');
    return pid;
  });
}

const started = () => Promise.withResolvers<void>();

describe('the engine pool', () => {
  it('reads pages in parallel, each with its own result', async () => {
    const { pool } = await startPool({ processes: 2 });
    const names = ['exif-1.jpg', 'sample.gif', 'blank.png', 'exif-1.jpg', 'single-line-tight.png'];
    const pages = await Promise.all(names.map(async (name) => pool.recognize(await sample(name))));
    const expected = await Promise.all(names.map(async (name) => (await sample(`${name}.expected.txt`)).toString()));
    expect(pages.map(({ lines }) => lines.map((line) => `${line.text}\n`).join(''))).toEqual(expected);
    expect(pool.stats()).toMatchObject({ idle: 2, busy: 0, waiting: 0, restarts: {} });
    expect(pool.stats().cpuSeconds).toBeGreaterThan(0);
  });

  it('gives pictures of a page where they are asked for', async () => {
    const { pool } = await startPool();
    const { pictures, timings, ...read } = await pool.recognize(page, { pictures: 'webp' });
    const { timings: _, ...plain } = await pool.recognize(page);
    expect(read).toEqual(plain);
    expect(timings.draw).toBeGreaterThan(0);
    const decoded = await Promise.all(
      [pictures?.preview, pictures?.thumbnail].map((bytes) => decodeImage(bytes!, defaultImageLimits)),
    );
    expect(decoded.map(({ width }) => width)).toEqual([Math.min(read.width, 1600), Math.min(read.width, 320)]);
    // What was read is legible in it.
    expect((await pool.recognize(pictures!.preview)).lines.map(({ text }) => text)).toEqual(
      read.lines.map(({ text }) => text),
    );
  });

  it('tells what is wrong with an image, and goes on in the same process', async () => {
    const { pool } = await startPool({ limits: { maxImageBytes: 20e6, maxImagePixels: 1e6 } });
    const pid = await onlyPid(pool);
    await expect(pool.recognize(Buffer.from('no image'))).rejects.toMatchObject({ code: 'image_unsupported' });
    await expect(pool.recognize(page.subarray(0, 2000))).rejects.toMatchObject({ code: 'image_unreadable' });
    await expect(pool.recognize(longPage)).rejects.toMatchObject({ code: 'image_too_large' });
    await expect(pool.recognize(page)).resolves.toBeDefined();
    expect(await onlyPid(pool)).toBe(pid);
  });

  it('reads a page again whose process was killed, in a new one', async () => {
    const { pool, events } = await startPool();
    const pid = await onlyPid(pool);
    const busy = started();
    const reading = pool.recognize(longPage, { pictures: 'webp', onStart: busy.resolve });
    await busy.promise;
    await isWorking(pid);
    process.kill(pid, 'SIGKILL');
    const read = await reading;
    expect(read.lines.length).toBeGreaterThan(10);
    // Drawing may have been what ended it.
    expect(read.pictures).toBeUndefined();
    expect(await onlyPid(pool)).not.toBe(pid);
    expect(events.map((event) => event.type)).toContain('page_retried');
    expect(pool.stats().restarts).toEqual({ SIGKILL: 1 });
  });

  it('gives up on a page that kills twice, and not on the page that waits behind it', async () => {
    const { pool, events } = await startPool();
    const poison = pool.recognize(longPage, { onStart: () => void killSoon() });
    const neighbor = pool.recognize(page);
    await expect(poison).rejects.toMatchObject({ code: 'poison_image', retryable: true });
    await expect(neighbor).resolves.toBeDefined();
    expect(events.map((event) => event.type)).toContain('page_poisoned');

    async function killSoon(): Promise<void> {
      const pid = await onlyPid(pool);
      setTimeout(() => process.kill(pid, 'SIGKILL'), 200);
    }
  });

  it('does not blame a page for the death of a process that had not begun it', async () => {
    const { pool, events } = await startPool({ processes: 2 });
    const busy = started();
    const reading = pool.recognize(longPage, { onStart: busy.resolve });
    await busy.promise;
    await delay(300);
    for (const pid of pool.stats().pids) process.kill(pid, 'SIGKILL');
    expect((await reading).lines.length).toBeGreaterThan(10);
    expect(events.map((event) => event.type)).not.toContain('page_poisoned');
  });

  it('ends a page that overruns its deadline, also when its process does not answer any more', async () => {
    const { pool } = await startPool({ pageTimeoutMs: 3000 });
    const stop = async (): Promise<void> => void process.kill(await onlyPid(pool), 'SIGSTOP');
    await expect(pool.recognize(page, { onStart: () => void stop() })).rejects.toMatchObject({
      code: 'poison_image',
      retryable: false,
    });
    expect(pool.stats().restarts).toEqual({ page_timeout: 2 });
  });

  it.each([
    [['SIGSEGV', 'SIGABRT'], false],
    [['SIGABRT', 'SIGKILL'], true],
  ] as const)('blames a page for crashes only: %j', async (signals, retryable) => {
    const { pool } = await startPool();
    const left = [...signals];
    const crash = async (): Promise<void> => {
      const pid = await onlyPid(pool);
      await delay(200);
      process.kill(pid, left.shift());
    };
    const reading = pool.recognize(longPage, { onStart: () => void crash() });
    await expect(reading).rejects.toMatchObject({ code: 'poison_image', retryable });
  });

  it('stops a page that nobody wants any more, and serves the next in the same process', async () => {
    const { pool } = await startPool();
    // A process that is too busy to hear of it in time is killed, and then the next one is asked.
    const isKept = async (): Promise<boolean> => {
      const pid = await onlyPid(pool);
      const abort = new AbortController();
      const reading = pool.recognize(longPage, {
        signal: abort.signal,
        onStart: () => setTimeout(() => abort.abort(), 300),
      });
      await expect(reading).rejects.toMatchObject({ code: 'aborted' });
      await expect(pool.recognize(page)).resolves.toBeDefined();
      return (await onlyPid(pool)) === pid;
    };
    let tries = 1;
    while (tries < 5 && !(await isKept())) tries += 1;
    expect(tries).toBeLessThan(5);
  });

  it('kills a process that does not answer when nobody wants its page any more', async () => {
    const { pool } = await startPool();
    const pid = await onlyPid(pool);
    process.kill(pid, 'SIGSTOP');
    const abort = new AbortController();
    const busy = started();
    const reading = pool.recognize(page, { signal: abort.signal, onStart: busy.resolve });
    await busy.promise;
    abort.abort();
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    await expect(pool.recognize(page)).resolves.toBeDefined();
    // Left to its deadline, it would be `page_timeout`.
    expect(pool.stats().restarts).toEqual({ cancel_timeout: 1 });
  });

  it('lets a page leave the line before its turn', async () => {
    const { pool } = await startPool();
    const abort = new AbortController();
    const first = pool.recognize(page);
    const second = pool.recognize(page, { signal: abort.signal });
    expect(pool.stats().waiting).toBe(1);
    abort.abort();
    await expect(second).rejects.toMatchObject({ code: 'aborted' });
    expect(pool.stats().waiting).toBe(0);
    await expect(first).resolves.toBeDefined();
  });

  it('replaces a process that has grown beyond the memory limit', async () => {
    const { pool, events } = await startPool({ memoryLimitBytes: 1e6 });
    const pid = await onlyPid(pool);
    await expect(pool.recognize(page)).resolves.toBeDefined();
    await expect(pool.recognize(page)).resolves.toBeDefined();
    expect(await onlyPid(pool)).not.toBe(pid);
    expect(events).toContainEqual({ type: 'process_recycled', pid, reason: 'memory' });
  });

  it('shows its processes nothing of the environment', async () => {
    process.env['SECRET_OF_THE_PARENT'] = 'hunter2';
    const { pool } = await startPool();
    const environment = await readFile(`/proc/${await onlyPid(pool)}/environ`, 'utf8');
    delete process.env['SECRET_OF_THE_PARENT'];
    expect(environment).toContain('MALLOC_');
    expect(environment).not.toContain('hunter2');
  });

  it('leaves no process behind, and refuses pages once it is closed', async () => {
    const { pool } = await startPool({ processes: 2 });
    const { pids } = pool.stats();
    const reading = pool.recognize(longPage);
    await Promise.all([pool.close(), expect(reading).rejects.toMatchObject({ code: 'aborted' })]);
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    await expect(pool.recognize(page)).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('starting the pool', () => {
  let copy: string;
  beforeAll(async () => {
    copy = await mkdtemp(path.join(tmpdir(), 'models-'));
    await cp(bakedModelsDir, copy, { recursive: true, filter: (file) => !file.includes('bake') });
    await truncate(path.join(copy, 'ppocrv6-tiny-detector.onnx'), 1000);
  });
  afterAll(() => rm(copy, { recursive: true }));

  it('fails with the reason when the weights are not those of the manifest', async () => {
    await expect(startPool({ modelsDir: copy, processes: 2 })).rejects.toMatchObject({
      code: 'model_mismatch',
      message: expect.stringContaining('ppocrv6-tiny-detector.onnx'),
    });
  });
});
