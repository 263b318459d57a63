import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createJobStore, type JobStore } from '@glyphmill/core/store';
import { serve } from '@glyphmill/test-servers/http';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { stopBetweenWrites } from '@glyphmill/test-servers/stop-between-writes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiProcess, startApi } from './api-process.ts';
import { acceptedShape, imageUrl } from './jobs-app.ts';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';
import { eventually, openUpkeepBench, type UpkeepBench } from './upkeep-bench.ts';

describe('among processes', () => {
  let redis: TestRedis;
  let folder: string;
  let processes: ApiProcess[];

  beforeEach(async () => {
    redis = await startRedis();
    folder = await mkdtemp(join(tmpdir(), 'glyphmill-leader-'));
    processes = [];
  });
  afterEach(async () => {
    await Promise.all(processes.map((api) => api.stop()));
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(env: Readonly<Record<string, string>> = {}): Promise<ApiProcess> {
    const shared = { REDIS_URL: redis.url, DATA_DIR: folder, DATABASE_URL: `file:${folder}/ocr_data.db` };
    const api = await startApi({ ...shared, ...env });
    processes.push(api);
    return api;
  }

  async function metric(api: ApiProcess, name: string): Promise<number> {
    const text = await (await fetch(`${api.opsUrl}/metrics`)).text();
    return Number(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  }
  const leads = async (api: ApiProcess) => (await metric(api, 'glyphmill_upkeep_leader')) === 1;

  test('one leads; after kill -9 of it another does, though the lease was not given back', async () => {
    const first = await start();
    await eventually(() => leads(first));
    const second = await start();
    await delay(2_500);
    expect([await leads(first), await leads(second)]).toEqual([true, false]);
    await first.stop();
    await eventually(() => leads(second));
  });

  test('one that is told to stop gives the lease back', async () => {
    const first = await start();
    await eventually(() => leads(first));
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    const { logger } = createLogRecorder();
    const store = createJobStore({ databaseUrl: `file:${folder}/ocr_data.db`, migrate: 'never', logger });
    await store.ready;
    expect(await store.acquireLease({ name: 'upkeep', holder: 'the next one', ttlMs: 1 })).toBe(true);
    await store.close();
  });

  test('does what the settings say: posts the end of a job, then deletes it', async () => {
    const posted: string[] = [];
    const receiver = await serve((request, response) => {
      posted.push(String(request.headers['webhook-id']));
      response.writeHead(204).end();
    });
    const api = await start({
      RESULT_TTL_MS: '1',
      WEBHOOK_SECRET: 'a-secret-of-the-tests',
      FETCH_ALLOW_CIDRS: '127.0.0.1/32',
    });
    const accepted = await fetch(`${api.url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image_url: imageUrl, callback_url: `http://127.0.0.1:${receiver.port}/` }),
    });
    const { id } = acceptedShape.parse(await accepted.json());
    expect((await fetch(`${api.url}/jobs/${id}`, { method: 'DELETE' })).status).toBe(200);
    await eventually(() => posted.length === 1);
    await eventually(async () => (await fetch(`${api.url}/jobs/${id}`)).status === 404);
    await receiver.close();
  });

  test('one that was stopped for longer than its lease wakes up deposed', async () => {
    const first = await start();
    await eventually(() => leads(first));
    const second = await start();
    const { logger } = createLogRecorder();
    const store = createJobStore({ databaseUrl: `file:${folder}/ocr_data.db`, migrate: 'never', logger });
    await store.ready;
    const check = (): Promise<boolean> =>
      store.check().then(
        () => true,
        () => false,
      );
    await stopBetweenWrites(first.child.pid!, check);
    await store.close();
    await eventually(() => leads(second));
    await redis.client.flushall();
    await eventually(() => redis.client.get('{glyphmill}:epoch'));
    first.child.kill('SIGCONT');
    for (let look = 0; look < 20; look += 1) {
      expect([await leads(first), await leads(second)]).toEqual([false, true]);
      await delay(100);
    }
    expect(first.output()).toContain('no longer leads');
  });
});

describe('the term', () => {
  const timing = { leaseMs: 400, renewEveryMs: 100, challengeEveryMs: 100, epochEveryMs: 20, deadlinesEveryMs: 20 };
  let bench: UpkeepBench;

  beforeEach(async () => {
    bench = await openUpkeepBench();
  });
  afterEach(() => bench.close());

  /** The real store, and the names of what was called, in order. */
  function recordCalls(): { store: JobStore; calls: string[]; hangRenewals(): void } {
    const calls: string[] = [];
    let hanging = false;
    const store = new Proxy(bench.store, {
      get(target, name, receiver) {
        const value: unknown = Reflect.get(target, name, receiver);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          calls.push(String(name));
          return hanging && name === 'acquireLease' ? new Promise(() => {}) : value.apply(target, args);
        };
      },
    });
    return { store, calls, hangRenewals: () => void (hanging = true) };
  }
  const working = (calls: readonly string[]) => calls.some((name) => name !== 'acquireLease');
  const questions = (calls: readonly string[], count: number) =>
    eventually(() => calls.filter((name) => name === 'acquireLease').length >= count);

  test('ends when the lease cannot be renewed in time: nothing is done any more', async () => {
    const { store, calls, hangRenewals } = recordCalls();
    const upkeep = bench.upkeep({ store, timing });
    await eventually(() => working(calls));
    hangRenewals();
    await eventually(() => !upkeep.isLeading);
    await delay(100);
    calls.length = 0;
    await delay(500);
    expect(working(calls)).toBe(false);
  });

  test('ends as soon as somebody else has the lease, and begins again when that one vanishes', async () => {
    const { store, calls } = recordCalls();
    const upkeep = bench.upkeep({ store, timing });
    await eventually(() => working(calls));
    bench.stopClock();
    bench.skip(1_000);
    expect(await bench.store.acquireLease({ name: 'upkeep', holder: 'another', ttlMs: 1_500 })).toBe(true);
    await eventually(() => !upkeep.isLeading);
    await questions(calls, 2);
    calls.length = 0;
    // Asks for the lease again and again, and does nothing else.
    await questions(calls, 5);
    expect(working(calls)).toBe(false);
    expect(upkeep.isLeading).toBe(false);
    bench.skip(1_500);
    await eventually(() => upkeep.isLeading && working(calls));
  });

  test('is over for a process that stood still, until it has asked again', async () => {
    const { store, calls } = recordCalls();
    bench.upkeep({ store, timing });
    await eventually(() => working(calls));
    for (let round = 0; round < 5; round += 1) {
      await delay(130);
      calls.length = 0;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, timing.leaseMs + 50);
      await eventually(() => working(calls));
      expect(calls[0]).toBe('acquireLease');
    }
  });
});
