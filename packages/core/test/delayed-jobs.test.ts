import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ClaimedJob, createJobQueue, type HandlerAnswer } from '../src/queue/queue.ts';
import { durablePayloadOf, eventually, logger, openBench, type QueueBench, success } from './queue-bench.ts';

let bench: QueueBench;
let ranAt: Map<string, number>;
let runs: number;

beforeEach(async () => {
  bench = await openBench();
  ranAt = new Map();
  runs = 0;
});
afterEach(() => bench.close());

function note(job: ClaimedJob): Promise<HandlerAnswer> {
  runs += 1;
  ranAt.set(job.payload.id, Date.now());
  return Promise.resolve(success('page'));
}

/** Sends a job for each delay; resolves to how much later than that each ran. */
async function lateness(delaysMs: readonly number[]): Promise<number[]> {
  const sent = delaysMs.map((delayMs) => ({ payload: durablePayloadOf(), delayMs, dueAt: Date.now() + delayMs }));
  await bench.queue.enqueueMany('bulk', sent);
  await eventually(() => sent.every(({ payload }) => ranAt.has(payload.id)));
  return sent.map(({ payload, dueAt }) => Number(ranAt.get(payload.id)) - dueAt);
}

// Of those here with a bar of seconds or less: tried again, since a machine that stood still says nothing of the queue.
test.each([1, 3])('a delayed job runs at its time, with %i idle consumers', { retry: 2 }, async (consumers) => {
  for (let count = 0; count < consumers; count += 1) bench.consume(note, { slots: 1 });
  await eventually(async () => (await bench.queue.workers()).length === consumers);
  const [late] = await lateness([1_200]);
  expect(late).toBeGreaterThanOrEqual(-5);
  expect(late).toBeLessThan(5_000);
  expect(runs).toBe(1);
});

test('many delays, some added while the consumers sleep towards later ones', { retry: 2 }, async () => {
  bench.consume(note, { slots: 1 });
  bench.consume(note, { slots: 1 });
  const first = lateness([2_500, 900, 1_700, 2_100]);
  await eventually(async () => (await bench.queue.depth('bulk')).delayed === 4);
  const second = lateness([300, 600, 1_400]);
  const late = [...(await first), ...(await second)].toSorted((a, b) => a - b);
  expect(late[0]).toBeGreaterThanOrEqual(-5);
  // Their poll alone would need 500 ms on average: hardly six of seven would be as quick as this, in one of three tries.
  expect(late[5]).toBeLessThan(300);
  expect(runs).toBe(7);
});

test('sleeping towards a delayed job asks Redis little', { retry: 2 }, async () => {
  bench.consume(note);
  await bench.queue.enqueue('bulk', durablePayloadOf(), { delayMs: 60_000 });
  await eventually(async () => (await bench.queue.workers()).length === 1);
  const before = await blockings();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect((await blockings()) - before).toBeLessThanOrEqual(4);
});

async function blockings(): Promise<number> {
  const stats = await bench.redis.client.info('commandstats');
  return Number(/cmdstat_bzpopmin:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

test('a delayed job keeps its place by priority once its time has come', async () => {
  const order: string[] = [];
  await bench.queue.enqueue('bulk', durablePayloadOf({ requestId: 'usual' }));
  await bench.queue.enqueue('bulk', durablePayloadOf({ requestId: 'urgent' }), { priority: 1, delayMs: 100 });
  await bench.queue.enqueue('bulk', durablePayloadOf({ requestId: 'patient' }), { priority: 900, delayMs: 100 });
  await new Promise((resolve) => setTimeout(resolve, 150));
  bench.consume(
    (job) => {
      order.push(job.payload.requestId ?? '');
      return note(job);
    },
    { slots: 1 },
  );
  await eventually(() => order.length === 3);
  expect(order).toEqual(['urgent', 'usual', 'patient']);
});

test('a job that is due while all consumers are busy runs when one is free', async () => {
  const release = Promise.withResolvers<void>();
  const busy = durablePayloadOf();
  bench.consume(
    async (job) => {
      if (job.payload.id === busy.id) await release.promise;
      return note(job);
    },
    { slots: 1 },
  );
  await bench.queue.enqueue('bulk', busy);
  const late = lateness([200]);
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(runs).toBe(0);
  release.resolve();
  await late;
  expect(runs).toBe(2);
});

test('after Redis came back empty, delayed jobs that are sent again run at their time', { retry: 2 }, async () => {
  bench.consume(note, { slots: 1 });
  await bench.queue.enqueue('bulk', durablePayloadOf(), { delayMs: 60_000 });
  await bench.redis.kill();
  await bench.redis.start();
  const queue = createJobQueue({ redisUrl: bench.redis.url, logger, mailboxTtlMs: 1_000 });
  await eventually(() => queue.ping().then(() => true));
  await queue.close();
  await eventually(() => bench.queue.ping().then(() => true));
  expect((await bench.queue.depth('bulk')).delayed).toBe(0);
  const [late] = await lateness([1_200]);
  expect(late).toBeGreaterThanOrEqual(-5);
  expect(late).toBeLessThan(5_000);
});
