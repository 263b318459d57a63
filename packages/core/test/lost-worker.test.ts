import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LaneConsumer } from '../src/queue/queue.ts';
import {
  durablePayloadOf,
  eventually,
  heldUntilAborted,
  openBench,
  payloadOf,
  type QueueBench,
  success,
  untilAborted,
} from './queue-bench.ts';

let bench: QueueBench;

beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

async function killWorkerHolding(work: () => void, announces: 'announces' | 'holds' = 'announces'): Promise<void> {
  const script = fileURLToPath(new URL('dying-worker.ts', import.meta.url));
  const child = fork(script, [bench.redis.url, announces]);
  const taken = once(child, 'message');
  work();
  await taken;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test.each([
  ['announced that it runs it', 'announces', 1],
  ['merely held it', 'holds', 0],
] as const)(
  'a job whose worker was killed after it %s is run by another',
  { timeout: 60_000 },
  async (_, how, lost) => {
    const payload = payloadOf();
    let outcome: Promise<unknown> | undefined;
    await killWorkerHolding(() => {
      outcome = bench.request(payload, { timeoutMs: 40_000 });
    }, how);
    const killedAt = Date.now();
    const lostWorkers: number[] = [];
    bench.consume((job) => {
      lostWorkers.push(job.lostWorkers);
      return Promise.resolve(success('second worker'));
    });
    expect(await outcome).toEqual(success('second worker'));
    expect(lostWorkers).toEqual([lost]);
    expect(bench.events).toContainEqual({ type: 'stalled', jobId: payload.id });
    // Locks last 15 s, and every 5 s somebody looks for lost ones; a machine may stand still for some seconds more. Left to
    // BullMQ's own settings, it would be a minute.
    expect(Date.now() - killedAt).toBeLessThan(35_000);
  },
);

test('a worker that died after storing the outcome costs no second run', async () => {
  let runs = 0;
  const slow = { lockMs: 600, stallCheckMs: 300 };
  const payload = payloadOf();
  await bench.queue.enqueue('bulk', payload);
  const first = bench.consume(
    (job) => {
      runs += 1;
      return untilAborted(job);
    },
    { ...slow },
  );
  await eventually(() => runs === 1);
  await bench.redis.client.set(`{glyphmill}:mailbox:${payload.id}`, JSON.stringify(success('stored')), 'PX', 60_000);
  await first.close();
  bench.consume(
    () => {
      runs += 1;
      return Promise.resolve(success('again'));
    },
    { ...slow },
  );
  await eventually(async () => {
    const job = await bench.redis.client.hgetall(`{glyphmill}:bulk:${payload.id}-0`);
    return job['finishedOn'] !== undefined;
  });
  expect(runs).toBe(1);
  expect(await bench.queue.outcome(payload.id)).toEqual(success('stored'));
});

test('a job is never lost to others while its handler takes longer than its lock', async () => {
  const lostWorkers: number[] = [];
  const handle = async (job: { lostWorkers: number; signal: AbortSignal }) => {
    lostWorkers.push(job.lostWorkers);
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    expect(job.signal.aborted).toBe(false);
    return success('slow');
  };
  // A process that stands still for longer than what is left of its lock loses the job, and rightly so. What is left is
  // 6 s at least: the lock is renewed after a third of its life, by a timer of 700 ms.
  const options = { lockMs: 9_000, stallCheckMs: 300, slots: 1 };
  bench.consume(handle, options);
  bench.consume(handle, options);
  expect(await bench.request(payloadOf())).toEqual(success('slow'));
  expect(lostWorkers).toEqual([0]);
});

test('a handler whose lock was lost is stopped and its outcome discarded', async () => {
  let reason: unknown;
  let runs = 0;
  bench.consume(
    async (job) => {
      runs += 1;
      if (runs > 1) return success('rightful');
      await job.started();
      await untilAborted(job);
      reason = job.signal.reason;
      return success('usurper');
    },
    { lockMs: 1_500, stallCheckMs: 300 },
  );
  const payload = payloadOf();
  const outcome = bench.request(payload);
  await eventually(async () => (await bench.queue.state(payload.id)) === 'active');
  await bench.redis.client.del(`{glyphmill}:interactive:${payload.id}-0:lock`);
  expect(await outcome).toEqual(success('rightful'));
  await eventually(() => reason === 'lock_lost');
  expect(await bench.queue.outcome(payload.id)).toEqual(success('rightful'));
});

test('a run that Redis forgot is not taken for one of the next', async () => {
  const payload = durablePayloadOf();
  const runs: string[] = [];
  const consume = (name: string) =>
    bench.consume(
      async (job) => {
        await job.started();
        runs.push(name);
        return heldUntilAborted(job);
      },
      { lockMs: 9_000, stallCheckMs: 300, slots: 1 },
    );
  const begun = () => bench.redis.client.keys('{glyphmill}:runs*');
  consume('first');
  await bench.queue.enqueue('bulk', payload);
  await eventually(() => runs.length === 1);
  const [key = ''] = await begun();
  await bench.redis.client.flushall();
  const second = consume('second');
  await bench.queue.enqueue('bulk', payload);
  await eventually(() => bench.events.some(({ type }) => type === 'lock_lost'));
  await eventually(() => runs.length === 2);
  expect(await bench.redis.client.scard(key)).toBe(1);
  expect(await bench.redis.client.pttl(key)).toBeGreaterThan(0);
  await second.drain(0);
});

test('a living worker keeps its job when the heartbeats of all run out at once', async () => {
  let runs = 0;
  const handle = async (job: { signal: AbortSignal }) => {
    runs += 1;
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    return job.signal.aborted ? success('thought dead') : success('alive');
  };
  bench.consume(handle, { slots: 1 });
  bench.consume(handle, { slots: 1 });
  const outcome = bench.request(payloadOf());
  await eventually(() => runs === 1);
  const reports = await bench.redis.client.keys('{glyphmill}:worker:*');
  await bench.redis.client.del(...reports);
  expect(await outcome).toEqual(success('alive'));
  expect(runs).toBe(1);
  expect(bench.events.filter(({ type }) => type === 'stalled')).toEqual([]);
});

describe('a job with a priority that comes back', () => {
  const held = durablePayloadOf({ requestId: 'held' });
  const order: string[] = [];

  /** Sends the job that is held, then an equal and an urgent one. */
  async function send(): Promise<void> {
    order.length = 0;
    await bench.queue.enqueue('bulk', held, { priority: 500 });
  }

  async function sendOthers(): Promise<void> {
    await bench.queue.enqueue('bulk', durablePayloadOf({ requestId: 'equal' }), { priority: 500 });
    await bench.queue.enqueue('bulk', durablePayloadOf({ requestId: 'urgent' }), { priority: 5 });
  }

  /** Takes bulk jobs only once the held one is back. */
  function consume(isBack: () => boolean, locks: { lockMs?: number; stallCheckMs?: number } = {}): LaneConsumer {
    return bench.consume(
      (job) => {
        order.push(`${job.payload.requestId} ${job.lostWorkers}`);
        return Promise.resolve(success('page'));
      },
      { slots: 1, isOpen: isBack, ...locks },
    );
  }

  const stalled = () => bench.events.some((event) => event.type === 'stalled' && event.jobId === held.id);

  test('from a draining worker runs before its equals', async () => {
    const first = bench.consume(heldUntilAborted, { slots: 1 });
    await send();
    await eventually(async () => (await bench.queue.depth('bulk')).active === 1);
    await sendOthers();
    await first.drain(10);
    consume(() => true);
    await eventually(() => order.length === 3);
    expect(order).toEqual(['urgent 0', 'held 0', 'equal 0']);
  });

  test('from a dead worker runs before its equals', { timeout: 60_000 }, async () => {
    await killWorkerHolding(() => void send());
    await sendOthers();
    // Locks are kept for so long that only the missing heartbeat can tell.
    consume(stalled, { lockMs: 60_000, stallCheckMs: 60_000 });
    await eventually(() => order.length === 3, 30_000);
    expect(order).toEqual(['urgent 0', 'held 1', 'equal 0']);
    expect(await bench.queue.holds('bulk', [held])).toEqual([false]);
  });

  test('whose lock ran out runs before all others', async () => {
    const locks = { lockMs: 600, stallCheckMs: 300 };
    const first = bench.consume(heldUntilAborted, { slots: 1, ...locks });
    await send();
    await eventually(async () => (await bench.queue.depth('bulk')).active === 1);
    await sendOthers();
    await first.close();
    consume(stalled, locks);
    await eventually(() => order.length === 3);
    expect(order).toEqual(['held 0', 'urgent 0', 'equal 0']);
  });
});
