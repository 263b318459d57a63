import { createJobStore, type JobStore } from '@glyphmill/core/store';
import { startPostgres } from '@glyphmill/test-servers/postgres';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';
import { eventually, newJob, openUpkeepBench, type RunningUpkeep, type UpkeepBench } from './upkeep-bench.ts';

let bench: UpkeepBench;

beforeEach(async () => {
  bench = await openUpkeepBench();
});
afterEach(() => bench.close());

const filled = () => eventually(() => bench.queue.readEpoch().catch(() => undefined));

async function held(store: JobStore, ids: readonly string[]): Promise<boolean> {
  const jobs = await Promise.all(ids.map((id) => store.get(id)));
  const sent = jobs.map((job) => ({ id: job!.id, generation: job!.generation }));
  return (await bench.queue.holds('bulk', sent)).every(Boolean);
}

/** An outage is not told for each task and tick. */
function expectQuiet({ lines }: RunningUpkeep): void {
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  expect(lines.filter(({ level }) => level === 'warn').length).toBeLessThanOrEqual(2);
}

describe('Redis', () => {
  test('away and back, empty: what was there and what was accepted meanwhile is sent', async () => {
    const upkeep = bench.upkeep();
    const before = await filled();
    const early = await bench.accept({}, {});
    await bench.send(...early);
    await bench.redis.kill();
    const meanwhile = await bench.accept({}, {});
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(upkeep.isLeading).toBe(true);
    await bench.redis.start();
    expect(await filled()).not.toBe(before);
    expect(await held(bench.store, [...early, ...meanwhile])).toBe(true);
    expect((await bench.get(early[0]!)).generation).toBe(0);
    expectQuiet(upkeep);
  });

  test('hanging, then going on: nothing is lost and nothing sent twice', async () => {
    const upkeep = bench.upkeep();
    const before = await filled();
    const early = await bench.accept({});
    await bench.send(...early);
    bench.redis.pause();
    const meanwhile = await bench.accept({});
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    bench.redis.resume();
    await eventually(() => held(bench.store, meanwhile).catch(() => false));
    expect((await bench.get(early[0]!)).generation).toBe(0);
    expect(await filled()).toBe(before);
    expectQuiet(upkeep);
  });

  test('without memory: as many as fit, and the rest when there is room', async () => {
    await bench.redis.client.config('SET', 'maxmemory', '6mb');
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push(...(await bench.accept(...Array.from({ length: 1_000 }, () => ({})))));
    const upkeep = bench.upkeep();
    const waiting = async () => (await bench.queue.depth('bulk')).waiting;
    const fitting = await eventually(async () => {
      const first = await waiting();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return first > 0 && (await waiting()) === first && first;
    });
    expect(fitting).toBeLessThan(ids.length);
    expect(await bench.queue.readEpoch()).toBeUndefined();
    await bench.redis.client.config('SET', 'maxmemory', '0');
    await filled();
    expect(await waiting()).toBe(ids.length);
    expectQuiet(upkeep);
  });

  test('without memory later on: the reconciler does not wear out generations, and sends when there is room', async () => {
    const upkeep = bench.upkeep({ timing: { settleMs: 100, reconcileEveryMs: 50, epochEveryMs: 50 } });
    await filled();
    await bench.redis.client.config('SET', 'maxmemory', '1mb');
    const ids = await bench.accept(...Array.from({ length: 200 }, () => ({})));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const jobs = await Promise.all(ids.map((id) => bench.get(id)));
    const generations = jobs.map(({ generation }) => generation);
    expect(generations.reduce((sum, generation) => sum + generation)).toBeLessThan(2 * ids.length);
    await bench.redis.client.config('SET', 'maxmemory', '0');
    await eventually(() => held(bench.store, ids));
    expectQuiet(upkeep);
  });
});

test('a database that is away and back: the upkeep stops, and goes on', async ({ skip }) => {
  const postgres = await startPostgres();
  const { logger } = createLogRecorder();
  const store = createJobStore({ databaseUrl: postgres.url, migrate: 'auto', logger });
  try {
    skip(!postgres.isOurs, 'the server of TEST_DATABASE_URL is not ours to break');
    await store.ready;
    const upkeep = bench.upkeep({ store });
    await filled();
    await postgres.kill();
    await eventually(() => !upkeep.isLeading);
    await postgres.start();
    const job = newJob();
    await eventually(() => store.accept([job]).catch(() => undefined));
    await eventually(() => held(store, [job.id]));
    expect(upkeep.isLeading).toBe(true);
    expectQuiet(upkeep);
    await upkeep.stop();
  } finally {
    await store.close();
    await postgres.stop();
  }
});
