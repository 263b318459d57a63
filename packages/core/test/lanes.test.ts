import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { type Lane, lanes } from '../src/queue/queue.ts';
import { durablePayloadOf, eventually, openBench, payloadOf, type QueueBench, success } from './queue-bench.ts';

let bench: QueueBench;

beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

async function fill(count: number): Promise<void> {
  for (const lane of lanes)
    await Promise.all(Array.from({ length: count }, () => bench.queue.enqueue(lane, payloadOf())));
}

describe('lanes', () => {
  test('interactive goes first, bulk gets every fourth page while both wait', async () => {
    await fill(12);
    const order: Lane[] = [];
    bench.consume(
      (job) => {
        order.push(job.lane);
        return Promise.resolve(success('page'));
      },
      { slots: 1 },
    );
    await eventually(() => order.length === 24);
    const bothWait = order.slice(0, 16);
    expect(bothWait.filter((lane) => lane === 'bulk')).toHaveLength(4);
    for (let start = 0; start < 16; start += 4) {
      expect(bothWait.slice(start, start + 4)).toEqual(['interactive', 'interactive', 'interactive', 'bulk']);
    }
    expect(order.slice(16)).toEqual(Array.from({ length: 8 }, () => 'bulk'));
  });

  test('urgent bulk jobs get no more than their share, and the most patient ones get it', async () => {
    const bulk = [900, 0, 500, 1].map((priority) => ({ payload: durablePayloadOf(), priority }));
    await bench.queue.enqueueMany('bulk', bulk);
    for (let count = 0; count < 12; count += 1) await bench.queue.enqueue('interactive', payloadOf());
    const order: string[] = [];
    bench.consume(
      (job) => {
        order.push(job.lane === 'bulk' ? job.payload.id : 'interactive');
        return Promise.resolve(success('page'));
      },
      { slots: 1 },
    );
    await eventually(() => order.length === 16);
    const byPriority = [1, 3, 2, 0].map((index) => bulk[index]?.payload.id);
    expect(order).toEqual(byPriority.flatMap((id) => ['interactive', 'interactive', 'interactive', id]));
  });

  test('never holds more jobs than slots, and fills all of them', async () => {
    await fill(30);
    let held = 0;
    let most = 0;
    let done = 0;
    const activeSeen: number[] = [];
    bench.consume(
      async () => {
        held += 1;
        most = Math.max(most, held);
        const depths = await Promise.all(lanes.map((lane) => bench.queue.depth(lane)));
        activeSeen.push(depths.reduce((sum, depth) => sum + depth.active, 0));
        await delay(5);
        held -= 1;
        done += 1;
        return success('page');
      },
      { slots: 3 },
    );
    await eventually(() => done === 60);
    expect(most).toBe(3);
    expect(Math.max(...activeSeen)).toBeLessThanOrEqual(3);
  });

  test('two idle consumers share jobs that come at once: no wake-up is lost', async () => {
    const holders = new Set<number>();
    const release = Promise.withResolvers<void>();
    for (const name of [1, 2, 3]) {
      bench.consume(
        async () => {
          holders.add(name);
          await release.promise;
          return success('page');
        },
        { slots: 1 },
      );
    }
    await delay(300);
    const requests = Array.from({ length: 3 }, () => bench.request(payloadOf(), { lane: 'bulk' }));
    await eventually(() => holders.size === 3);
    release.resolve();
    await Promise.all(requests);
  });

  test.each(lanes)('an idle consumer is woken by a job of %s instead of finding it by its poll', async (lane) => {
    bench.consume(() => Promise.resolve(success('page')));
    await bench.request(payloadOf());
    const startedAt = performance.now();
    for (let round = 0; round < 40; round += 1) {
      // A machine that stands still makes a request fail, which is not what this is about.
      await eventually(async () => (await bench.request(payloadOf(), { lane })).ok);
    }
    // Each job comes when the consumer has just fallen asleep: by its poll of a second alone they would need 40 s. Woken,
    // they need less than one, so that the machine may stand still for long.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  test('a busy consumer leaves jobs to an idle one, and takes them in advance when there is none', async () => {
    const running = [0, 0];
    const total = (): number => running.reduce((sum, count) => sum + count, 0);
    const release = Promise.withResolvers<void>();
    const consume = (who: number) =>
      bench.consume(
        async () => {
          running[who]! += 1;
          await release.promise;
          return success('page');
        },
        { slots: 2, eagerSlots: 1 },
      );
    consume(0);
    await bench.queue.enqueue('interactive', payloadOf());
    await eventually(() => running[0] === 1);
    consume(1);
    await eventually(async () => (await bench.queue.workers()).length === 2);
    await delay(200);
    await bench.queue.enqueue('interactive', payloadOf());
    await eventually(() => total() === 2);
    expect(running).toEqual([1, 1]);
    await fill(1);
    await eventually(() => total() === 4);
    expect(running).toEqual([2, 2]);
    release.resolve();
  });

  test('jobs that wait for something slow stop nobody else, up to a limit', async () => {
    const release = Promise.withResolvers<void>();
    let parked = 0;
    let held = 0;
    bench.consume(
      async () => {
        held += 1;
        parked = Math.min(held, 4);
        await release.promise;
        return success('page');
      },
      { slots: 1, parked: () => parked, maxParked: 3 },
    );
    await fill(4);
    await eventually(() => held === 4);
    await delay(1200);
    // Three are parked, and one takes the slot.
    expect(held).toBe(4);
    release.resolve();
    await eventually(() => held === 8);
  });
});
