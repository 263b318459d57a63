import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  durablePayloadOf,
  eventually,
  heldUntilAborted,
  openBench,
  payloadOf,
  type QueueBench,
} from './queue-bench.ts';

let bench: QueueBench;

beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

/** Makes the queue believe that a job was made so long ago. */
async function age(id: string, lane: 'interactive' | 'bulk', ageMs: number): Promise<void> {
  await bench.redis.client.hset(`{glyphmill}:${lane}:${id}-0`, 'timestamp', String(Date.now() - ageMs));
}

async function oldestSeconds(lane: 'interactive' | 'bulk'): Promise<number | undefined> {
  const { oldestDueAt } = (await bench.queue.stats()).lanes[lane];
  return oldestDueAt === undefined ? undefined : Math.round((Date.now() - oldestDueAt) / 1_000);
}

test('jobs are counted by where they are', async () => {
  await bench.queue.enqueue('interactive', payloadOf());
  await bench.queue.enqueue('interactive', payloadOf());
  await bench.queue.enqueue('bulk', durablePayloadOf());
  await bench.queue.enqueue('bulk', durablePayloadOf(), { delayMs: 60_000 });
  const { lanes } = await bench.queue.stats();
  expect(lanes.interactive.jobs).toEqual({ waiting: 2, prioritized: 0, active: 0, delayed: 0 });
  expect(lanes.bulk.jobs).toEqual({ waiting: 0, prioritized: 1, active: 0, delayed: 1 });
  bench.consume(heldUntilAborted, { slots: 3 });
  await eventually(async () => (await bench.queue.stats()).lanes.interactive.jobs.active === 2);
  expect(await oldestSeconds('interactive')).toBeUndefined();
});

describe('the job that waits longest', () => {
  test('is nobody in an empty lane', async () => {
    const { lanes } = await bench.queue.stats();
    expect([lanes.interactive.oldestDueAt, lanes.bulk.oldestDueAt]).toEqual([undefined, undefined]);
  });

  test('is the next one of those without priority', async () => {
    const [first, second] = [payloadOf(), payloadOf()];
    await bench.queue.enqueue('interactive', first);
    await bench.queue.enqueue('interactive', second);
    await age(first.id, 'interactive', 90_000);
    await age(second.id, 'interactive', 30_000);
    expect(await oldestSeconds('interactive')).toBe(90);
  });

  test('is found behind jobs that are more urgent and younger', async () => {
    const jobs = [0, 0, 500, 500, 1000].map((priority) => ({ payload: durablePayloadOf(), priority }));
    await bench.queue.enqueueMany('bulk', jobs);
    const ages = [5, 4, 70, 60, 50];
    for (const [index, { payload }] of jobs.entries()) await age(payload.id, 'bulk', Number(ages[index]) * 1_000);
    expect(await oldestSeconds('bulk')).toBe(70);
  });

  test('is found among all priorities that there are', async () => {
    const jobs = Array.from({ length: 1_001 }, (_, priority) => ({ payload: durablePayloadOf(), priority }));
    for (let start = 0; start < jobs.length; start += 50) {
      const some = jobs.slice(start, start + 50);
      await eventually(() => bench.queue.enqueueMany('bulk', some).then(() => true));
    }
    await age(jobs[1_000]?.payload.id ?? '', 'bulk', 80_000);
    await eventually(async () => (await oldestSeconds('bulk')) === 80 || (await oldestSeconds('bulk')) === 81);
  });

  test('has not been waiting in its delay', async () => {
    const delayed = durablePayloadOf();
    await bench.queue.enqueue('bulk', delayed, { delayMs: 100 });
    await age(delayed.id, 'bulk', 7_000);
    expect(await oldestSeconds('bulk')).toBeUndefined();
    // Due, but without a worker to promote it: as BullMQ does it, which keeps what was asked for.
    const key = `{glyphmill}:bulk:${delayed.id}-0`;
    const opts = JSON.parse((await bench.redis.client.hget(key, 'opts')) ?? '') as { delay: number };
    expect(opts.delay).toBe(100);
    await bench.redis.client.hset(key, 'opts', JSON.stringify({ ...opts, delay: 5_000 }));
    await bench.redis.client.zrem('{glyphmill}:bulk:delayed', `${delayed.id}-0`);
    await bench.redis.client.lpush('{glyphmill}:bulk:wait', `${delayed.id}-0`);
    expect(await oldestSeconds('bulk')).toBe(2);
  });
});

describe('the memory of Redis', () => {
  test('is told, with its limit', async () => {
    expect((await bench.queue.stats()).memory).toEqual({ usedBytes: expect.any(Number), maxBytes: 0 });
    await bench.redis.client.config('SET', 'maxmemory', '64mb');
    const { usedBytes, maxBytes } = (await bench.queue.stats()).memory;
    expect(usedBytes).toBeGreaterThan(100_000);
    expect(maxBytes).toBe(64 * 2 ** 20);
  });

  test('is told when there is none left', async () => {
    await bench.queue.enqueue('interactive', payloadOf());
    await bench.redis.client.config('SET', 'maxmemory', '1mb');
    expect((await bench.queue.stats()).lanes.interactive.jobs.waiting).toBe(1);
  });
});

test('a scrape asks once', async () => {
  await bench.queue.stats();
  const calls = async () => {
    const info = await bench.redis.client.info('commandstats');
    return Number(/cmdstat_eval:calls=(\d+)/.exec(info)?.[1] ?? 0);
  };
  const before = await calls();
  await bench.queue.stats();
  expect((await calls()) - before).toBe(2);
});

test('a Redis that hangs is given up in time', async () => {
  await bench.queue.stats();
  bench.redis.pause();
  try {
    await expect(bench.queue.stats()).rejects.toMatchObject({ code: 'queue_unavailable' });
  } finally {
    bench.redis.resume();
  }
});
