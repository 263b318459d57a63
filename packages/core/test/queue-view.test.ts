import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createQueueView, type QueueView } from '../src/queue/queue-view.ts';
import { createJobQueue, type JobQueue } from '../src/queue/queue.ts';
import { logger, payloadOf } from './queue-bench.ts';

let redis: TestRedis;
let queue: JobQueue;
let view: QueueView;

beforeAll(async () => {
  redis = await startRedis();
  queue = createJobQueue({ redisUrl: redis.url, logger, mailboxTtlMs: 60_000 });
  view = createQueueView({ redisUrl: redis.url, logger });
});
afterAll(async () => {
  await view.close();
  await queue.close();
  await redis.stop();
});

test('the view counts what the queue counts', async () => {
  expect(await view.depth('bulk')).toEqual({ waiting: 0, active: 0, delayed: 0 });
  await queue.enqueue('bulk', payloadOf());
  await queue.enqueue('bulk', payloadOf(), { delayMs: 60_000 });
  await queue.enqueue('interactive', payloadOf());
  expect(await view.depth('bulk')).toEqual({ waiting: 1, active: 0, delayed: 1 });
  expect(await view.depth('interactive')).toEqual(await queue.depth('interactive'));
  expect(await view.workers()).toEqual([]);
});

test('it says that Redis is away', async () => {
  await redis.kill();
  await expect(view.depth('bulk')).rejects.toMatchObject({ code: 'queue_unavailable' });
});
