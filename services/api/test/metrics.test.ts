import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '@glyphmill/core/logging';
import { createJobQueue, type JobQueue } from '@glyphmill/core/queue';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiProcess, startApi } from './api-process.ts';

let redis: TestRedis;
let queue: JobQueue;
let api: ApiProcess;

beforeAll(async () => {
  redis = await startRedis({ settings: ['--maxmemory', '64mb'] });
  queue = createJobQueue({
    redisUrl: redis.url,
    logger: createLogger({ service: 'test', level: 'silent' }),
    mailboxTtlMs: 60_000,
  });
  api = await startApi({ REDIS_URL: redis.url });
});
afterAll(async () => {
  await queue.close();
  await api.stop();
  await redis.stop();
});

async function scrape(): Promise<string> {
  const response = await fetch(`${api.opsUrl}/metrics`);
  if (response.status !== 200) throw new Error(`The scrape was answered ${response.status}`);
  return response.text();
}

/** `series` is a name and labels, of which more may be there, in any order. */
function valueOf(text: string, series: string): number | undefined {
  const [name = '', ...labels] = series.split(/[{,}]/);
  const line = text
    .split('\n')
    .find((one) => one.startsWith(`${name}{`) && labels.every((label) => one.includes(label)));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

/** A job that nobody takes: no worker runs. */
async function send(): Promise<string> {
  const id = randomUUID();
  const source = { kind: 'url', url: 'https://images.example/card.png' } as const;
  const payload = { version: 1, id, generation: 0, kind: 'durable', source, enqueuedAt: Date.now() } as const;
  await queue.enqueue('bulk', payload);
  return id;
}

test('tells of the queue, of its oldest job and of the memory of Redis', async () => {
  const id = await send();
  await redis.client.hset(`{glyphmill}:bulk:${id}-0`, 'timestamp', String(Date.now() - 600_000));
  const text = await scrape();
  expect(valueOf(text, 'glyphmill_queue_jobs{lane="bulk",state="prioritized"}')).toBe(1);
  expect(valueOf(text, 'glyphmill_queue_jobs{lane="bulk",state="waiting"}')).toBe(0);
  expect(valueOf(text, 'glyphmill_queue_jobs{lane="interactive",state="waiting"}')).toBe(0);
  const oldest = valueOf(text, 'glyphmill_queue_oldest_waiting_seconds{lane="bulk"}');
  expect(oldest).toBeGreaterThanOrEqual(600);
  expect(oldest).toBeLessThan(700);
  expect(valueOf(text, 'glyphmill_queue_oldest_waiting_seconds{lane="interactive"}')).toBe(0);
  expect(valueOf(text, 'glyphmill_redis_up')).toBe(1);
  expect(valueOf(text, 'glyphmill_redis_memory_max_bytes')).toBe(64 * 2 ** 20);
  expect(valueOf(text, 'glyphmill_redis_memory_used_bytes')).toBeGreaterThan(100_000);
});

test('measures the calls of the store', async () => {
  const answer = await fetch(`${api.url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image_url: 'https://images.example/card.png' }),
  });
  expect(answer.status).toBe(202);
  const text = await scrape();
  expect(valueOf(text, 'glyphmill_store_call_seconds_count{operation="accept"}')).toBe(1);
  expect(valueOf(text, 'glyphmill_jobs_accepted_total{lane="bulk"}')).toBe(1);
});

test('a Redis that hangs holds up no scrape', async () => {
  redis.pause();
  try {
    // It hangs in the middle of a connection at first, and then while nobody gets connected.
    for (const pauseMs of [0, 4_000]) {
      await delay(pauseMs);
      // Answered while it hangs: it goes on only when all are answered.
      const text = await scrape();
      expect(valueOf(text, 'glyphmill_redis_up')).toBe(0);
      expect(text).not.toMatch(/^glyphmill_(queue_jobs|queue_oldest_waiting_seconds|redis_memory_\w+)\{/m);
      expect(valueOf(text, 'glyphmill_jobs_accepted_total{lane="bulk"}')).toBeDefined();
      expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
    }
  } finally {
    redis.resume();
  }
});

test('and it is back when Redis is', async () => {
  for (let tries = 0; tries < 200; tries += 1) {
    const text = await scrape();
    if (valueOf(text, 'glyphmill_queue_jobs{lane="bulk",state="prioritized"}') === 2) return;
    await delay(100);
  }
  throw new Error('It never was');
});

test('measures the storing of uploads', async () => {
  const answer = await fetch(`${api.url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image_url: `data:image/png;base64,${Buffer.from('an image').toString('base64')}` }),
  });
  expect(answer.status).toBe(202);
  expect(valueOf(await scrape(), 'glyphmill_store_call_seconds_count{operation="blob_put"}')).toBe(1);
});
