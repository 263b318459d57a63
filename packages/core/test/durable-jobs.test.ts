import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClaimedJob, HandlerAnswer, JobPayload, SentJob } from '../src/queue/queue.ts';
import {
  durablePayloadOf,
  eventually,
  heldUntilAborted,
  openBench,
  type QueueBench,
  success,
  untilAborted,
} from './queue-bench.ts';

let bench: QueueBench;
let running: ClaimedJob[];

beforeEach(async () => {
  bench = await openBench();
  running = [];
});
afterEach(() => bench.close());

function hold(job: ClaimedJob): Promise<HandlerAnswer> {
  running.push(job);
  return heldUntilAborted(job);
}

function note(job: ClaimedJob): Promise<HandlerAnswer> {
  running.push(job);
  return Promise.resolve(success('page'));
}

const idsRun = () => running.map((job) => job.payload.id);

async function isHeld(job: SentJob): Promise<boolean | undefined> {
  return (await bench.queue.holds('bulk', [job]))[0];
}

/** Everything in Redis that names the job. */
async function tracesOf(id: string): Promise<string[]> {
  return bench.redis.client.keys(`*${id}*`);
}

describe('sending', () => {
  test('smaller priorities run sooner, equal ones as they came, 100 where none is given', async () => {
    const entries = [1000, 100, undefined, 0, 99, 101, 0].map((priority) => ({
      payload: durablePayloadOf(),
      ...(priority === undefined ? {} : { priority }),
    }));
    await bench.queue.enqueueMany('bulk', entries);
    const late = durablePayloadOf();
    await bench.queue.enqueue('bulk', late, { priority: 0 });
    bench.consume(note, { slots: 1 });
    await eventually(() => running.length === 8);
    const order = [3, 6, 'late', 4, 1, 2, 5, 0];
    expect(idsRun()).toEqual(order.map((one) => (one === 'late' ? late.id : entries[Number(one)]?.payload.id)));
  });

  test('interactive jobs run as they came', async () => {
    const payloads = [durablePayloadOf(), durablePayloadOf(), durablePayloadOf()];
    for (const [index, payload] of payloads.entries()) {
      await bench.queue.enqueue('interactive', payload, { priority: 1000 - index });
    }
    bench.consume(note, { slots: 1 });
    await eventually(() => running.length === 3);
    expect(idsRun()).toEqual(payloads.map(({ id }) => id));
  });

  test('thousands at once, and sending them again changes nothing', async () => {
    const entries = Array.from({ length: 2_300 }, () => ({ payload: durablePayloadOf() }));
    await bench.queue.enqueueMany('bulk', entries);
    await bench.queue.enqueueMany('bulk', entries.toReversed());
    expect(await bench.queue.depth('bulk')).toEqual({ waiting: 2_300, active: 0, delayed: 0 });
    await bench.queue.enqueueMany('bulk', []);
    bench.consume(note, { slots: 1 });
    await eventually(() => running.length >= 50);
    expect(idsRun().slice(0, 50)).toEqual(entries.slice(0, 50).map(({ payload }) => payload.id));
  });

  test('another generation is another job', async () => {
    const payload = durablePayloadOf();
    await bench.queue.enqueue('bulk', payload);
    await bench.queue.enqueue('bulk', { ...payload, generation: 1 });
    bench.consume(note, { slots: 1 });
    await eventually(() => running.length === 2);
    expect(running.map((job) => job.payload.generation)).toEqual([0, 1]);
  });

  test('a job that has ended leaves nothing behind', async () => {
    const payloads = [durablePayloadOf(), durablePayloadOf({ requestId: 'fail' })];
    bench.consume(async (job) => {
      await job.started();
      running.push(job);
      if (job.payload.requestId !== 'fail') return success('page');
      return { ok: false, error: { code: 'image_unreadable', message: 'corrupt', retryable: false } };
    });
    await bench.queue.enqueueMany(
      'bulk',
      payloads.map((payload) => ({ payload })),
    );
    await eventually(() => running.length === 2);
    for (const { id } of payloads) {
      await eventually(async () => (await tracesOf(id)).length === 0);
      expect(await bench.queue.outcome(id)).toBeUndefined();
    }
    expect(await bench.redis.client.zcard('{glyphmill}:bulk:completed')).toBe(0);
    expect(await bench.redis.client.zcard('{glyphmill}:bulk:failed')).toBe(0);
  });
});

describe('what the queue holds', () => {
  test('waiting, delayed and active jobs, by generation; not those that ended, were removed or never came', async () => {
    const names = ['active', 'waiting', 'delayed', 'ended', 'removed', 'unknown'] as const;
    const jobs = Object.fromEntries(names.map((name) => [name, durablePayloadOf({ generation: 2 })])) as Record<
      (typeof names)[number],
      JobPayload
    >;
    bench.consume((job) => (job.payload.id === jobs.active.id ? hold(job) : note(job)), { slots: 1 });
    await bench.queue.enqueue('bulk', jobs.ended);
    await eventually(async () => (await tracesOf(jobs.ended.id)).length === 0);
    await bench.queue.enqueue('bulk', jobs.active);
    await eventually(() => idsRun().includes(jobs.active.id));
    await bench.queue.enqueueMany('bulk', [
      { payload: jobs.waiting },
      { payload: jobs.delayed, delayMs: 60_000 },
      { payload: jobs.removed },
    ]);
    await bench.queue.cancel('bulk', jobs.removed.id, 2);
    const asked = names.map((name) => jobs[name]);
    expect(await bench.queue.holds('bulk', asked)).toEqual([true, true, true, false, false, false]);
    expect(await bench.queue.holds('interactive', asked)).toEqual(asked.map(() => false));
    expect(await isHeld({ id: jobs.waiting.id, generation: 1 })).toBe(false);
    expect(await bench.queue.holds('bulk', [])).toEqual([]);
  });

  test('unprioritized jobs and those given back, too', async () => {
    const payload = durablePayloadOf();
    await bench.queue.enqueue('interactive', payload);
    expect(await bench.queue.holds('interactive', [payload])).toEqual([true]);
    const consumer = bench.consume(hold);
    const other = durablePayloadOf();
    await bench.queue.enqueue('bulk', other);
    await eventually(() => running.length === 2);
    await consumer.drain(10);
    expect(await bench.queue.holds('interactive', [payload])).toEqual([true]);
    expect(await isHeld(other)).toBe(true);
  });

  test('many ids are answered in their order', async () => {
    const jobs = Array.from({ length: 2_500 }, () => durablePayloadOf());
    const sent = jobs.filter((_, index) => index % 3 === 0);
    await bench.queue.enqueueMany(
      'bulk',
      sent.map((payload) => ({ payload })),
    );
    expect(await bench.queue.holds('bulk', jobs)).toEqual(jobs.map((_, index) => index % 3 === 0));
  });

  test('a job that moves is never missed', async () => {
    const jobs = Array.from({ length: 40 }, () => durablePayloadOf());
    await bench.queue.enqueueMany(
      'bulk',
      jobs.map((payload) => ({ payload })),
    );
    // They go round: taken, given back, taken again.
    let turns = 0;
    for (let count = 0; count < 4; count += 1) {
      bench.consume(
        () => {
          turns += 1;
          return Promise.resolve('give_back');
        },
        { slots: 10 },
      );
    }
    for (let look = 0; turns < 200; look += 1) {
      expect(await bench.queue.holds('bulk', jobs), `look ${look}`).toEqual(jobs.map(() => true));
      await delay(1);
    }
  });
});

describe('cancel', () => {
  test.each([
    ['waiting', {}],
    ['urgent', { priority: 0 }],
    ['delayed', { delayMs: 300 }],
  ])('a %s job is removed without a trace', async (_, options) => {
    const payload = durablePayloadOf({ generation: 4 });
    await bench.queue.enqueue('bulk', payload, options);
    await bench.queue.cancel('bulk', payload.id, 4);
    expect(await tracesOf(payload.id)).toEqual([]);
    expect(await bench.queue.depth('bulk')).toEqual({ waiting: 0, active: 0, delayed: 0 });
    bench.consume(note);
    await delay(500);
    expect(running).toEqual([]);
  });

  test('an active job is told to stop, leaves the queue and no mailbox', async () => {
    bench.consume(hold);
    const payload = durablePayloadOf({ generation: 1 });
    await bench.queue.enqueue('bulk', payload);
    await eventually(() => running.length === 1);
    await bench.queue.cancel('bulk', payload.id, 0);
    expect(running[0]?.signal.aborted).toBe(false);
    await bench.queue.cancel('bulk', payload.id, 1);
    await eventually(() => running[0]?.signal.reason === 'canceled');
    await eventually(async () => !(await isHeld(payload)));
    expect(await bench.queue.outcome(payload.id)).toBeUndefined();
  });

  test('stops one generation and not the next', async () => {
    bench.consume(hold);
    const payload = durablePayloadOf();
    await bench.queue.enqueue('bulk', payload);
    await bench.queue.enqueue('bulk', { ...payload, generation: 1 });
    await eventually(() => running.length === 2);
    await bench.queue.cancel('bulk', payload.id, 0);
    await eventually(() => running[0]?.signal.reason === 'canceled');
    await bench.queue.enqueue('bulk', { ...payload, generation: 2 });
    await eventually(() => running.length === 3);
    await delay(1_500);
    expect(running.map((job) => job.signal.aborted)).toEqual([true, false, false]);
  });
});

describe('a handler that cannot try the job', () => {
  test('gives it back: it runs again, not at once, and no worker counts as lost', async () => {
    const times: number[] = [];
    bench.consume(async (job) => {
      await job.started();
      running.push(job);
      times.push(Date.now());
      return running.length < 3 ? 'give_back' : success('page');
    });
    const payload = durablePayloadOf();
    await bench.queue.enqueue('bulk', payload, { priority: 7 });
    await eventually(() => running.length === 3);
    await eventually(async () => !(await isHeld(payload)));
    expect(running.map((job) => job.lostWorkers)).toEqual([0, 0, 0]);
    expect(Number(times[2]) - Number(times[0])).toBeGreaterThan(900);
    expect(await tracesOf(payload.id)).toEqual([]);
  });

  test('a cancel that comes meanwhile ends it', async () => {
    bench.consume((job) => {
      running.push(job);
      return Promise.resolve('give_back');
    });
    const payload = durablePayloadOf();
    await bench.queue.enqueue('bulk', payload);
    await eventually(() => running.length === 1);
    await bench.queue.cancel('bulk', payload.id, 0);
    await eventually(async () => !(await isHeld(payload)));
    await delay(600);
    expect(await isHeld(payload)).toBe(false);
  });

  test('what stops gives its jobs back without waiting', async () => {
    const consumer = bench.consume(hold);
    const payload = durablePayloadOf();
    await bench.queue.enqueue('bulk', payload);
    await eventually(() => running.length === 1);
    const marked = async () => (await bench.redis.client.zcard('{glyphmill}:bulk:marker')) === 1;
    await eventually(async () => !(await marked()));
    expect(await consumer.drain(10)).toEqual({ unfinished: 1 });
    expect(await bench.queue.depth('bulk')).toEqual({ waiting: 1, active: 0, delayed: 0 });
    // Else an idle worker would find it by its poll only.
    expect(await marked()).toBe(true);
  });
});

test('a failure that was stored while the worker stops ends the job', async () => {
  const consumer = bench.consume((job) => {
    running.push(job);
    return untilAborted(job);
  });
  const payload = durablePayloadOf();
  await bench.queue.enqueue('bulk', payload);
  await eventually(() => running.length === 1);
  expect(await consumer.drain(10)).toEqual({ unfinished: 0 });
  expect(await isHeld(payload)).toBe(false);
});

test('the epoch is missing when Redis came back empty', async () => {
  expect(await bench.queue.readEpoch()).toBeUndefined();
  await bench.queue.writeEpoch('first');
  expect(await bench.queue.readEpoch()).toBe('first');
  await bench.redis.kill();
  await bench.redis.start();
  await eventually(async () => (await bench.queue.readEpoch()) === undefined);
});

test('what the queue holds of a durable job says nothing of its state: only the store tells', async () => {
  const [waiting, active] = [durablePayloadOf(), durablePayloadOf()];
  await bench.queue.enqueue('bulk', active);
  bench.consume(hold, { slots: 1 });
  await eventually(() => running.length === 1);
  await bench.queue.enqueue('bulk', waiting);
  expect(await bench.queue.state(waiting.id)).toBe('unknown');
  expect(await bench.queue.state(active.id)).toBe('unknown');
});
