import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClaimedJob, LaneConsumer } from '../src/queue/queue.ts';
import { eventually, openBench, payloadOf, type QueueBench, resultOf, success } from './queue-bench.ts';

let bench: QueueBench;
let consumer: LaneConsumer;
const seen: ClaimedJob[] = [];

beforeAll(async () => {
  bench = await openBench();
  consumer = bench.consume(async (job) => {
    seen.push(job);
    if (job.payload.source.kind === 'data') return success(Buffer.from(await job.input()).toString('hex'));
    if (job.payload.requestId === 'throw') throw new Error('a secret of the handler');
    return success('STEAM');
  });
});
afterAll(() => bench.close());

describe('round trip', () => {
  test('an outcome reaches its waiter and stays in the mailbox until discarded', async () => {
    const payload = payloadOf();
    expect(await bench.request(payload)).toEqual({ ok: true, result: resultOf('STEAM') });
    expect(await bench.queue.outcome(payload.id)).toEqual(success('STEAM'));
    expect(await bench.queue.state(payload.id)).toBe('succeeded');
    await bench.queue.discard(payload.id);
    expect(await bench.queue.outcome(payload.id)).toBeUndefined();
    await eventually(async () => (await bench.queue.state(payload.id)) === 'unknown');
  });

  test('many at once, in both lanes', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        bench.request(payloadOf(), { lane: index % 2 === 0 ? 'interactive' : 'bulk' }),
      ),
    );
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
    expect(bench.awaiter.recoveries).toBe(0);
  });

  test('bytes travel beside the queue and are gone afterwards', async () => {
    const payload = payloadOf({ source: { kind: 'data' } });
    const awaited = await bench.awaiter.expect(payload.id);
    // A view into a larger buffer, and bytes that are no valid UTF-8.
    const bytes = new Uint8Array([1, 2, 0xff, 0xfe, 0, 9]).subarray(2, 5);
    await bench.queue.enqueue('interactive', payload, { input: bytes });
    expect(await awaited.outcome(Date.now() + 10_000)).toEqual(success('fffe00'));
    awaited.release();
    await eventually(async () => (await bench.redis.client.keys('*:input:*')).length === 0);
  });

  test('the address of the image is not kept in Redis once the job has ended', async () => {
    const payload = payloadOf();
    await bench.request(payload);
    await eventually(async () => {
      const job = await bench.redis.client.hgetall(`{glyphmill}:interactive:${payload.id}-0`);
      return job['finishedOn'] !== undefined;
    });
    const job = await bench.redis.client.hgetall(`{glyphmill}:interactive:${payload.id}-0`);
    expect(JSON.stringify(job)).not.toContain('images.example');
    expect(JSON.stringify(job)).not.toContain('STEAM');
  });

  test('a handler that throws costs its own job only, and tells users nothing', async () => {
    const outcome = await bench.request(payloadOf({ requestId: 'throw' }));
    expect(outcome).toMatchObject({ ok: false, error: { code: 'internal' } });
    expect(JSON.stringify(outcome)).not.toContain('secret');
    expect((await bench.request(payloadOf())).ok).toBe(true);
  });

  test('a payload of an unknown version fails honestly', async () => {
    const payload = payloadOf();
    const before = seen.length;
    const outcome = await bench.request({ ...payload, version: 99 as 1 });
    expect(outcome).toMatchObject({ ok: false, error: { code: 'internal' } });
    expect(seen).toHaveLength(before);
    expect((await bench.request(payloadOf())).ok).toBe(true);
  });

  test('a job past its deadline is not run', async () => {
    const before = seen.length;
    const outcome = await bench.request(payloadOf({ deadlineAt: Date.now() - 1 }));
    expect(outcome).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
    expect(seen).toHaveLength(before);
  });

  test('depth, heartbeats and ping', async () => {
    await eventually(async () => (await bench.queue.depth('bulk')).active === 0);
    expect(await bench.queue.depth('interactive')).toEqual({ waiting: 0, active: 0, delayed: 0 });
    await eventually(async () => (await bench.queue.workers()).length === 1);
    expect(await bench.queue.workers()).toMatchObject([{ engines: 2, busy: 0, meanPageMs: 100 }]);
    await bench.queue.ping();
  });

  test('an idle consumer that ends takes its heartbeat with it', async () => {
    expect(await consumer.drain(1_000)).toEqual({ unfinished: 0 });
    expect(await bench.queue.workers()).toEqual([]);
  });
});
