import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type DurableBench,
  enginePids,
  type ImageServer,
  metric,
  openDurableBench,
  runSql,
  serveImages,
} from './durable-bench.ts';
import { eventually, isReady, type WorkerProcess } from './worker-bench.ts';

let durable: DurableBench;
let images: ImageServer;
const started: WorkerProcess[] = [];

beforeAll(async () => {
  durable = await openDurableBench();
});
afterAll(() => durable.close());
beforeEach(async () => {
  images = await serveImages();
});
afterEach(async () => {
  for (const worker of started.splice(0)) {
    worker.child.kill('SIGKILL');
    await worker.exited();
  }
  await images.close();
});

async function ready(env?: Record<string, string>): Promise<WorkerProcess> {
  const worker = await durable.bench.startWorker(env);
  started.push(worker);
  await isReady(worker);
  return worker;
}

const runs = (worker: WorkerProcess, outcome: string) =>
  metric(worker, `glyphmill_durable_runs_total{outcome="${outcome}"`);
const isBusy = async (worker: WorkerProcess) => (await metric(worker, 'glyphmill_engine_processes{state="busy"')) === 1;

describe('a durable page outlives', () => {
  test('its worker: another one reads it, and it does not count as an attempt', async () => {
    const worker = await ready();
    const id = await durable.submit(images.url('/long-screenshot.png'));
    await eventually(() => isBusy(worker));
    worker.child.kill('SIGKILL');
    await ready();
    const job = await durable.ended(id);
    expect(job).toMatchObject({ state: 'succeeded', attempts: 1, generation: 0 });
    expect(job.result?.lines.length).toBeGreaterThan(10);
  });

  test('the stop of its worker, which gives it back', async () => {
    const worker = await ready({ DRAIN_GRACE_MS: '200' });
    const id = await durable.submit(images.url('/held'));
    await eventually(() => images.requests('/held') === 1);
    worker.child.kill('SIGTERM');
    expect(await worker.exited()).toEqual({ code: 0, signal: null });
    expect(await durable.store.get(id)).toMatchObject({ state: 'queued', generation: 0 });
    expect(worker.output()).toContain('"ending":"released"');
    images.release();
    await ready();
    expect(await durable.ended(id)).toMatchObject({ state: 'succeeded', attempts: 1, generation: 0 });
  });

  test('the death of its engines by somebody else: it is innocent', async () => {
    const worker = await ready();
    let id = await durable.submit(images.url('/long-screenshot.png'));
    const isRead = async (job: string) => (await durable.stateOf(job)) === 'succeeded';
    // Two deaths must fall into the time that engines read: later each time, and with the next job where one was missed.
    for (let delayMs = 300; !worker.output().includes('"ending":"retried"'); delayMs = (delayMs + 170) % 1_500) {
      if (await isRead(id)) id = await durable.submit(images.url('/long-screenshot.png'));
      await eventually(async () => (await isBusy(worker)) || (await isRead(id)));
      await delay(delayMs);
      const [pid] = await enginePids(worker);
      if (pid === undefined || !(await isBusy(worker))) continue;
      process.kill(pid, 'SIGKILL');
      await eventually(async () => !(await enginePids(worker)).includes(pid));
    }
    expect(await durable.ended(id)).toMatchObject({ state: 'succeeded', attempts: 2 });
  });

  test('no image that ends its engines itself', async () => {
    await ready({ PAGE_TIMEOUT_MS: '1' });
    const job = await durable.ended(await durable.submit(images.url('/gift-card.png')));
    expect(job).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'poison_image', retryable: false } });
  });

  test('Redis: what was read is stored, and read once', async () => {
    const worker = await ready();
    const id = await durable.submit(images.url('/held'));
    await eventually(() => images.requests('/held') === 1);
    await durable.bench.redis.kill();
    images.release();
    expect(await durable.ended(id)).toMatchObject({ state: 'succeeded' });
    await durable.bench.redis.start();
    await eventually(() => durable.bench.queue.ping());
    const next = await durable.submit(images.url('/gift-card.png'));
    expect(await durable.ended(next)).toMatchObject({ state: 'succeeded' });
    expect(images.requests('/held')).toBe(1);
    expect(await runs(worker, 'stored')).toBe(2);
  });
});

describe('a store that is away', () => {
  test('holds up no interactive page; what was read waits for it and is read once', async () => {
    const worker = await ready({ ENGINE_PROCESSES: '1' });
    const held = await Promise.all(['/held-1', '/held-2'].map((path) => durable.submit(images.url(path))));
    await eventually(() => images.requests('/held-1') === 1 && images.requests('/held-2') === 1);
    const unlock = await durable.lockDatabase();
    images.release();
    await eventually(async () => (await metric(worker, 'glyphmill_store_up')) === 0);
    // The lane is closed: this one is not even claimed.
    const behind = durable.bench.queue.enqueue('bulk', {
      version: 1,
      id: crypto.randomUUID(),
      generation: 0,
      kind: 'durable',
      source: images.url('/gift-card.png'),
      enqueuedAt: Date.now(),
    });
    await behind;
    for (let pages = 0; pages < 6; pages += 1) {
      expect(await durable.bench.read(images.url('/gift-card.png'))).toMatchObject({ ok: true });
    }
    expect(await durable.bench.queue.depth('bulk')).toMatchObject({ waiting: 1, active: 2 });
    // Both have been read by now, or are soon: they wait, and the store gives up waiting for the lock by itself.
    await eventually(async () => (await metric(worker, 'glyphmill_store_waiting_jobs')) === 2);
    await eventually(() => worker.output().includes('The store is away'));
    await unlock();
    for (const id of held) expect(await durable.ended(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect([images.requests('/held-1'), images.requests('/held-2')]).toEqual([1, 1]);
    await eventually(async () => (await runs(worker, 'outdated')) === 1);
    expect(await metric(worker, 'glyphmill_store_wait_seconds_total')).toBeGreaterThan(1);
    expect(await metric(worker, 'glyphmill_store_up')).toBe(1);
    const [away, back] = ['The store is away', 'The store is back'].map(
      (text) => worker.output().split(text).length - 1,
    );
    expect([away, back]).toEqual([1, 1]);
  });

  test('does not keep a worker from stopping, and the page is read by the next one', async () => {
    const worker = await ready({ DRAIN_GRACE_MS: '500' });
    const id = await durable.submit(images.url('/held'));
    await eventually(() => images.requests('/held') === 1);
    const unlock = await durable.lockDatabase();
    images.release();
    await eventually(async () => (await metric(worker, 'glyphmill_store_waiting_jobs')) === 1);
    worker.child.kill('SIGTERM');
    expect(await worker.exited()).toEqual({ code: 0, signal: null });
    await unlock();
    await ready();
    expect(await durable.ended(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
  });
});

test('a worker that was stopped for long drops its page, which another has read, and goes on living', async () => {
  const sleeper = await ready();
  const id = await durable.submit(images.url('/held'));
  await eventually(() => images.requests('/held') === 1);
  sleeper.child.kill('SIGSTOP');
  const other = await ready();
  await eventually(() => images.requests('/held') === 2);
  images.release();
  const job = await durable.ended(id);
  sleeper.child.kill('SIGCONT');
  await eventually(() => /"ending":"(late|released)"/.test(sleeper.output()));
  expect(await durable.store.get(id)).toEqual(job);
  other.child.kill('SIGTERM');
  await other.exited();
  expect(await durable.ended(await durable.submit(images.url('/gift-card.png')))).toMatchObject({ state: 'succeeded' });
});

test('a worker whose database was changed by another version says so and ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'glyphmill-strange-'));
  const database = join(folder, 'ocr_data.db');
  await runSql(
    database,
    `CREATE TABLE schema_migrations (position INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);
     INSERT INTO schema_migrations VALUES (0, '0000_from_the_future', 0);`,
  );
  const worker = await durable.bench.startWorker({ DATABASE_URL: `file:${database}` });
  started.push(worker);
  expect(await worker.exited()).toEqual({ code: 1, signal: null });
  expect(worker.output()).toContain('0000_from_the_future');
  await rm(folder, { recursive: true });
});
