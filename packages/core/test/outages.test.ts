import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createJobNotices, createJobQueue } from '../src/queue/queue.ts';
import {
  durablePayloadOf,
  eventually,
  logger,
  openBench,
  payloadOf,
  type QueueBench,
  success,
  untilAborted,
} from './queue-bench.ts';

let bench: QueueBench;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);

beforeEach(async () => {
  unhandled.length = 0;
  process.on('unhandledRejection', onUnhandled);
  bench = await openBench({ pollIntervalMs: 300 });
});
afterEach(async () => {
  await bench.close();
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
});

async function codeOf(failing: Promise<unknown>): Promise<string> {
  return failing.then(
    () => 'no error',
    (error: unknown) => {
      expect(String(error)).not.toMatch(/sock|\/tmp|127\.0\.0\.1|ECONN/);
      return (error as { code?: string }).code ?? String(error);
    },
  );
}

describe('outages', () => {
  test('subscribers whose connections are cut again and again hear again in the end', async () => {
    const notices = createJobNotices({ redisUrl: bench.redis.url, logger });
    const heard = new Set<string>();
    const ids = Array.from({ length: 50 }, () => randomUUID());
    await Promise.all(ids.map((id) => notices.listen(id, () => heard.add(id))));
    const waits = await Promise.all(ids.map((id) => bench.awaiter.expect(id)));
    for (let cut = 0; cut < 150; cut++) {
      await bench.redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      // Also in the middle of subscribing anew.
      await delay(cut % 40);
    }
    await eventually(async () => {
      await Promise.all(ids.map((id) => bench.queue.announce(id, 'active')));
      return heard.size === ids.length;
    });
    for (const wait of waits) wait.release();
    await notices.close();
  });

  test('an outcome whose message was lost comes by poll', async () => {
    bench.consume(() => Promise.resolve(success('polled')));
    const payload = payloadOf();
    const awaited = await bench.awaiter.expect(payload.id);
    // The server forgets the subscription without the client knowing.
    const answer = await bench.redis.client.call('client', 'list', 'type', 'pubsub');
    const awaiterLine = String(answer)
      .split('\n')
      .find((line) => line.includes('name=glyphmill-awaiter'));
    const id = /id=(\d+)/.exec(awaiterLine ?? '')?.[1];
    await bench.redis.client.call('client', 'kill', 'id', id ?? '');
    await bench.queue.enqueue('interactive', payload);
    expect(await awaited.outcome(Date.now() + 20_000)).toEqual(success('polled'));
    awaited.release();
    expect((await bench.request(payloadOf())).ok).toBe(true);
  });

  test('a message that never came is recovered and counted', async () => {
    const payload = payloadOf();
    const awaited = await bench.awaiter.expect(payload.id);
    await bench.queue.enqueue('interactive', payload);
    const outcome = awaited.outcome(Date.now() + 20_000);
    await bench.redis.client.set(`{glyphmill}:mailbox:${payload.id}`, JSON.stringify(success('silent')), 'PX', 60_000);
    expect(await outcome).toEqual(success('silent'));
    expect(bench.awaiter.recoveries).toBe(1);
    awaited.release();
  });

  test('a job that the queue failed by itself is an honest internal error', async () => {
    const payload = payloadOf();
    const outcome = codeOf(bench.request(payload));
    await eventually(async () => (await bench.queue.state(payload.id)) === 'queued');
    await bench.redis.client.hset(`{glyphmill}:interactive:${payload.id}-0`, 'finishedOn', '1', 'failedReason', 'x');
    expect(await outcome).toBe('internal');
  });

  test('Redis restarts empty while waiting: the waiter is told, and the next request works', async () => {
    const consumer = bench.consume(untilAborted, { lockMs: 3_000 });
    const outcome = codeOf(bench.request(payloadOf()));
    await eventually(async () => (await bench.queue.depth('interactive')).active === 1);
    await bench.redis.kill();
    await bench.redis.start();
    expect(await outcome).toBe('queue_unavailable');
    await eventually(() => bench.events.some((event) => event.type === 'lock_lost'));
    await consumer.close();
    bench.consume(() => Promise.resolve(success('healed')));
    expect(await bench.request(payloadOf())).toEqual(success('healed'));
  });

  test('a consumer goes on by itself after an empty restart, idle or not', async () => {
    bench.consume(() => Promise.resolve(success('page')));
    for (let round = 0; round < 3; round += 1) {
      expect((await bench.request(payloadOf())).ok).toBe(true);
      await bench.redis.kill();
      await bench.redis.start();
      await eventually(async () => (await bench.request(payloadOf(), { timeoutMs: 5_000 })).ok);
      await eventually(async () => (await bench.queue.workers()).length === 1);
    }
    expect(bench.events.filter((event) => event.type === 'redis_down')).toHaveLength(3);
    expect(bench.events.filter((event) => event.type === 'redis_up')).toHaveLength(4);
  });

  test('Redis is emptied while jobs wait and run: what ran is stopped, and what is sent again runs', async () => {
    const ended = new Set<string>();
    const reasons: unknown[] = [];
    let goes = false;
    bench.consume(
      async (job) => {
        if (!goes) {
          await untilAborted(job);
          reasons.push(job.signal.reason);
        }
        ended.add(`${job.payload.id}-${job.payload.generation}`);
        return success('page');
      },
      { slots: 3, lockMs: 3_000 },
    );
    const payloads = Array.from({ length: 20 }, () => durablePayloadOf());
    const send = (generation: number) =>
      bench.queue.enqueueMany(
        'bulk',
        payloads.map((payload) => ({ payload: { ...payload, generation } })),
      );
    await send(0);
    await eventually(async () => (await bench.queue.depth('bulk')).active === 3);
    await bench.redis.client.flushall();
    expect(await bench.queue.holds('bulk', payloads)).toEqual(payloads.map(() => false));
    await eventually(() => reasons.length === 3);
    expect(reasons).toEqual(['lock_lost', 'lock_lost', 'lock_lost']);
    goes = true;
    await send(1);
    await eventually(() => payloads.every(({ id }) => ended.has(`${id}-1`)));
    await eventually(async () => (await bench.queue.workers()).length === 1);
  });

  test('bulk jobs and delayed ones run after an empty restart once they are sent again', async () => {
    const ended = new Set<string>();
    bench.consume((job) => {
      ended.add(job.payload.id);
      return Promise.resolve(success('page'));
    });
    const payloads = Array.from({ length: 1_200 }, () => durablePayloadOf());
    const entries = payloads.map((payload, index) => ({ payload, delayMs: index % 2 === 0 ? 0 : 800 }));
    await bench.redis.kill();
    expect(await codeOf(bench.queue.enqueueMany('bulk', entries))).toBe('queue_unavailable');
    expect(await codeOf(bench.queue.holds('bulk', payloads))).toBe('queue_unavailable');
    expect(await codeOf(bench.queue.readEpoch())).toBe('queue_unavailable');
    expect(await codeOf(bench.queue.cancel('bulk', payloads[0]?.id ?? '', 0))).toBe('queue_unavailable');
    await bench.redis.start();
    await eventually(() => bench.queue.enqueueMany('bulk', entries).then(() => true));
    await eventually(() => ended.size === payloads.length);
  });

  test('Redis dies in the middle of thousands of jobs: who sends them is told, and sends them again', async () => {
    const entries = Array.from({ length: 20_000 }, () => ({ payload: durablePayloadOf() }));
    const sending = codeOf(bench.queue.enqueueMany('bulk', entries));
    await eventually(async () => (await bench.queue.depth('bulk')).waiting > 1_000);
    await bench.redis.kill();
    expect(await sending).toBe('queue_unavailable');
    await bench.redis.start();
    await eventually(() => bench.queue.enqueueMany('bulk', entries).then(() => true));
    expect((await bench.queue.depth('bulk')).waiting).toBe(entries.length);
  });

  test('Redis stays away: everything fails without waiting for it, and heals', async () => {
    bench.consume(untilAborted);
    const waiting = codeOf(bench.request(payloadOf()));
    await eventually(async () => (await bench.queue.depth('interactive')).active === 1);
    await bench.redis.kill();
    expect(await codeOf(bench.queue.enqueue('interactive', payloadOf()))).toBe('queue_unavailable');
    expect(await codeOf(bench.awaiter.expect(payloadOf().id))).toBe('queue_unavailable');
    expect(await codeOf(bench.queue.ping())).toBe('queue_unavailable');
    expect(await waiting).toBe('queue_unavailable');
    await bench.redis.start();
    // Each connection comes back by itself, and asking takes several.
    await eventually(async () => {
      const held = await bench.request(payloadOf({ deadlineAt: Date.now() + 3_000 }));
      return !held.ok && held.error.code === 'deadline_exceeded';
    });
  });

  test('a queue that never saw Redis fails without waiting for it, and works once Redis is there', async () => {
    await bench.redis.kill();
    const late = createJobQueue({ redisUrl: bench.redis.url, logger, mailboxTtlMs: 1_000 });
    expect(await codeOf(late.enqueue('bulk', payloadOf()))).toBe('queue_unavailable');
    expect(await codeOf(late.depth('bulk'))).toBe('queue_unavailable');
    await bench.redis.start();
    await eventually(() => late.enqueue('bulk', payloadOf()).then(() => true));
    expect((await late.depth('bulk')).waiting).toBe(1);
    await late.close();
  });

  test('a consumer that never saw Redis says that it is away, once, and that it is there', async () => {
    await bench.redis.kill();
    bench.consume(() => Promise.resolve(success('page')));
    const changes = () => bench.events.map(({ type }) => type).filter((type) => type.startsWith('redis_'));
    await eventually(() => changes().length > 0);
    // Long enough for more connections that cannot be made.
    await delay(1_000);
    expect(changes()).toEqual(['redis_down']);
    await bench.redis.start();
    await eventually(() => changes().length > 1);
    expect(changes()).toEqual(['redis_down', 'redis_up']);
  });

  test('a Redis that hangs is an outage too', async () => {
    bench.redis.pause();
    expect(await codeOf(bench.queue.enqueue('bulk', payloadOf()))).toBe('queue_unavailable');
    bench.redis.resume();
    await eventually(() => bench.queue.enqueue('bulk', payloadOf()).then(() => true));
  });

  test('a Redis without memory refuses honestly, and all goes on when there is some again', async () => {
    bench.consume(() => Promise.resolve(success('page')));
    expect((await bench.request(payloadOf())).ok).toBe(true);
    await bench.redis.client.config('SET', 'maxmemory', '1');
    expect(await codeOf(bench.queue.enqueue('interactive', payloadOf()))).toBe('queue_unavailable');
    await bench.redis.client.config('SET', 'maxmemory', '0');
    await eventually(async () => (await bench.request(payloadOf())).ok);
  });
});
