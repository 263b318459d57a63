import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClaimedJob, Outcome } from '../src/queue/queue.ts';
import { eventually, openBench, payloadOf, type QueueBench, success, untilAborted } from './queue-bench.ts';

let bench: QueueBench;
let running: ClaimedJob[];

beforeEach(async () => {
  bench = await openBench();
  running = [];
});
afterEach(() => bench.close());

function hold(job: ClaimedJob): Promise<Outcome> {
  running.push(job);
  return untilAborted(job);
}

describe('cancel', () => {
  test('a waiting job is removed, never runs, and its waiter hears of it', async () => {
    const payload = payloadOf();
    const outcome = bench.request(payload);
    await eventually(async () => (await bench.queue.state(payload.id)) === 'queued');
    await bench.queue.cancel('interactive', payload.id);
    expect(await outcome).toMatchObject({ ok: false, error: { code: 'canceled' } });
    expect(await bench.queue.state(payload.id)).toBe('canceled');
    expect(await bench.queue.depth('interactive')).toEqual({ waiting: 0, active: 0, delayed: 0 });

    const other = payloadOf();
    bench.consume((job) => {
      running.push(job);
      return Promise.resolve(success('other'));
    });
    expect((await bench.request(other)).ok).toBe(true);
    expect(running.map((job) => job.payload.id)).toEqual([other.id]);
  });

  test('an active job is told to stop', async () => {
    bench.consume(hold);
    const payload = payloadOf();
    const outcome = bench.request(payload);
    await eventually(() => running.length === 1);
    expect(await bench.queue.state(payload.id)).toBe('active');
    await bench.queue.cancel('interactive', payload.id);
    expect(await outcome).toMatchObject({ ok: false, error: { code: 'canceled' } });
    expect(running[0]?.signal.reason).toBe('canceled');
  });

  test('a worker that misses the message sees the key', async () => {
    bench.consume(hold);
    const payload = payloadOf();
    const outcome = bench.request(payload);
    await eventually(() => running.length === 1);
    await bench.redis.client.set(`{glyphmill}:cancel:${payload.id}-0`, '1', 'PX', 60_000);
    expect(await outcome).toMatchObject({ ok: false, error: { code: 'canceled' } });
  });

  test('a finished job keeps its outcome', async () => {
    bench.consume(() => Promise.resolve(success('done')));
    const payload = payloadOf();
    await bench.request(payload);
    await bench.queue.cancel('interactive', payload.id);
    expect(await bench.queue.state(payload.id)).toBe('succeeded');
    await bench.queue.cancel('interactive', payloadOf().id);
  });
});

describe('deadline', () => {
  test('stops a running job, and the waiter hears it from the worker', async () => {
    bench.consume(hold);
    const outcome = await bench.request(payloadOf({ deadlineAt: Date.now() + 300 }));
    expect(outcome).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
    expect(running[0]?.signal.reason).toBe('deadline');
  });

  test('a waiter has a deadline of its own', async () => {
    await expect(bench.request(payloadOf(), { timeoutMs: 200 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });

  test('a waiter may leave', async () => {
    const awaited = await bench.awaiter.expect(payloadOf().id);
    const leaving = new AbortController();
    const outcome = awaited.outcome(Date.now() + 20_000, leaving.signal);
    leaving.abort();
    await expect(outcome).rejects.toMatchObject({ name: 'AbortError' });
    awaited.release();
  });
});

describe('drain', () => {
  test('lets running jobs end and takes no more', async () => {
    const consumer = bench.consume(
      async (job) => {
        running.push(job);
        await delay(300);
        return success('in time');
      },
      { slots: 1 },
    );
    const first = bench.request(payloadOf());
    await eventually(() => running.length === 1);
    const second = payloadOf();
    await bench.queue.enqueue('interactive', second);
    expect(await consumer.drain(10_000)).toEqual({ unfinished: 0 });
    expect((await first).ok).toBe(true);
    expect(await bench.queue.state(second.id)).toBe('queued');
  });

  test('gives back what does not end in time, and that counts as no lost worker', async () => {
    const consumer = bench.consume(hold);
    const outcomes = [bench.request(payloadOf()), bench.request(payloadOf(), { lane: 'bulk' })];
    await eventually(() => running.length === 2);
    expect(await consumer.drain(100)).toEqual({ unfinished: 2 });
    expect(running.map((job) => job.signal.reason as string)).toEqual(['drain', 'drain']);
    expect((await bench.queue.depth('interactive')).waiting).toBe(1);

    const lostWorkers: number[] = [];
    bench.consume((job) => {
      lostWorkers.push(job.lostWorkers);
      return Promise.resolve(success('second worker'));
    });
    expect(await Promise.all(outcomes)).toEqual([success('second worker'), success('second worker')]);
    expect(lostWorkers).toEqual([0, 0]);
  });

  test('gives back the job of a handler that does not stop, whose late answer is discarded', async () => {
    const answer = Promise.withResolvers<Outcome>();
    const consumer = bench.consume((job) => {
      running.push(job);
      return answer.promise;
    });
    const outcome = bench.request(payloadOf());
    await eventually(() => running.length === 1);
    expect(await consumer.drain(50)).toEqual({ unfinished: 1 });
    answer.resolve(success('too late'));
    bench.consume(() => Promise.resolve(success('second worker')));
    expect(await outcome).toEqual(success('second worker'));
  });

  test('ends although Redis is away', async () => {
    const consumer = bench.consume(hold);
    void bench.request(payloadOf()).catch(() => undefined);
    await eventually(() => running.length === 1);
    await bench.redis.kill();
    const { unfinished } = await consumer.drain(100);
    expect(unfinished).toBe(1);
    await bench.redis.start();
  });

  test('an idle consumer does not use up its grace when Redis is away', async () => {
    const consumer = bench.consume(hold);
    await eventually(async () => (await bench.queue.workers()).length === 1);
    await bench.redis.kill();
    const inTime = await Promise.race([consumer.drain(60_000).then(() => true), delay(30_000, false)]);
    expect(inTime).toBe(true);
  });
});
