import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createJobQueue } from '../src/queue/queue.ts';
import { eventually, logger, openBench, payloadOf, type QueueBench, success, untilAborted } from './queue-bench.ts';

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

  test('Redis stays away: everything fails in time and heals', async () => {
    bench.consume(untilAborted);
    const waiting = codeOf(bench.request(payloadOf()));
    await eventually(async () => (await bench.queue.depth('interactive')).active === 1);
    await bench.redis.kill();
    const start = Date.now();
    expect(await codeOf(bench.queue.enqueue('interactive', payloadOf()))).toBe('queue_unavailable');
    expect(Date.now() - start).toBeLessThan(2_000);
    expect(await codeOf(bench.awaiter.expect(payloadOf().id))).toBe('queue_unavailable');
    expect(await codeOf(bench.queue.ping())).toBe('queue_unavailable');
    expect(await waiting).toBe('queue_unavailable');
    await bench.redis.start();
    await eventually(() => bench.queue.ping().then(() => true));
    const held = bench.request(payloadOf({ deadlineAt: Date.now() + 3_000 }));
    expect(await held).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
  });

  test('a queue that never saw Redis fails in time, and works once Redis is there', async () => {
    await bench.redis.kill();
    const late = createJobQueue({ redisUrl: bench.redis.url, logger, mailboxTtlMs: 1_000 });
    const start = Date.now();
    expect(await codeOf(late.enqueue('bulk', payloadOf()))).toBe('queue_unavailable');
    expect(await codeOf(late.depth('bulk'))).toBe('queue_unavailable');
    expect(Date.now() - start).toBeLessThan(4_000);
    await bench.redis.start();
    await eventually(() => late.enqueue('bulk', payloadOf()).then(() => true));
    expect((await late.depth('bulk')).waiting).toBe(1);
    await late.close();
  });

  test('a Redis that hangs is an outage too', async () => {
    bench.redis.pause();
    const start = Date.now();
    expect(await codeOf(bench.queue.enqueue('bulk', payloadOf()))).toBe('queue_unavailable');
    expect(Date.now() - start).toBeLessThan(2_000);
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
