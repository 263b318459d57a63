import { afterEach, beforeEach, expect, test } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { createJobNotices, type JobNotices } from '../src/queue/queue.ts';
import { eventually, logger, openBench, type QueueBench } from './queue-bench.ts';

let bench: QueueBench;
let notices: JobNotices;
const id = randomUUID();

beforeEach(async () => {
  bench = await openBench();
  notices = createJobNotices({ redisUrl: bench.redis.url, logger });
  await hearing();
});
afterEach(async () => {
  await notices.close();
  await bench.close();
});

/** Its connection may be there, and not be ready to subscribe yet. */
async function hearing(): Promise<void> {
  const probe = randomUUID();
  let heard = false;
  const listener = await notices.listen(probe, () => (heard = true));
  await eventually(async () => {
    await bench.queue.announce(probe, 'active');
    return heard;
  });
  listener.close();
}

/** How many listen to the job's channel, or how many connections the notices have. */
async function subscribers(what: 'channel' | 'client'): Promise<number> {
  if (what === 'channel') {
    const [, count] = await bench.redis.client.pubsub('NUMSUB', `{glyphmill}:notice:${id}`);
    return Number(count);
  }
  const clients = String(await bench.redis.client.client('LIST'));
  return clients.split('\n').filter((line) => line.includes('name=glyphmill-notices')).length;
}

test('all who listen to a job hear of its states, and of no other job', async () => {
  const heard: string[] = [];
  const first = await notices.listen(id, (state) => heard.push(`first ${state}`));
  const second = await notices.listen(id, (state) => heard.push(`second ${state}`));
  await bench.queue.announce(randomUUID(), 'failed');
  await bench.queue.announce(id, 'active');
  await eventually(() => heard.length === 2);
  first.close();
  first.close();
  await bench.queue.announce(id, 'succeeded');
  await eventually(() => heard.length === 3);
  expect(heard).toEqual(['first active', 'second active', 'second succeeded']);
  second.close();
  await eventually(async () => (await subscribers('channel')) === 0);
});

test('one connection serves hundreds of listeners', async () => {
  let heard = 0;
  const ids = Array.from({ length: 300 }, () => randomUUID());
  const listeners = await Promise.all(ids.map((one) => notices.listen(one, () => (heard += 1))));
  expect(await subscribers('client')).toBe(1);
  await Promise.all(ids.map((one) => bench.queue.announce(one, 'active')));
  await eventually(() => heard === 300);
  for (const listener of listeners) listener.close();
});

test('who listens again after the last one left hears, too', async () => {
  const heard: string[] = [];
  const first = await notices.listen(id, () => undefined);
  first.close();
  const second = await notices.listen(id, (state) => heard.push(state));
  first.close();
  await bench.queue.announce(id, 'canceled');
  await eventually(() => heard.length === 1);
  second.close();
});

test('what no version of ours would say is not heard', async () => {
  const heard: string[] = [];
  await notices.listen(id, (state) => heard.push(state));
  await bench.redis.client.publish(`{glyphmill}:notice:${id}`, 'exploded');
  await bench.queue.announce(id, 'succeeded');
  await eventually(() => heard.length > 0);
  expect(heard).toEqual(['succeeded']);
});

test('listeners outlive an outage, those who came during it, too', async () => {
  const heard: string[] = [];
  await notices.listen(id, (state) => heard.push(`before ${state}`));
  await bench.redis.kill();
  await delay(200);
  const late = randomUUID();
  // Does not wait for Redis, which comes only afterwards.
  await notices.listen(late, (state) => heard.push(`during ${state}`));
  await bench.redis.start();
  await eventually(async () => {
    await bench.queue.announce(id, 'active');
    await bench.queue.announce(late, 'active');
    return heard.includes('before active') && heard.includes('during active');
  });
});

test('a Redis that hangs holds nobody up', async () => {
  bench.redis.pause();
  await notices.listen(id, () => undefined);
  await expect(bench.queue.announce(id, 'active')).rejects.toMatchObject({ code: 'queue_unavailable' });
  bench.redis.resume();
});

test('after closing, nothing is heard and nothing fails', async () => {
  const heard: string[] = [];
  const listener = await notices.listen(id, (state) => heard.push(state));
  await notices.close();
  listener.close();
  await bench.queue.announce(id, 'active');
  (await notices.listen(id, () => undefined)).close();
  expect(heard).toEqual([]);
});
