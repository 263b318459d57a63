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
  // Sent again where the machine stood still meanwhile; what the queue holds already, it ignores.
  await eventually(() => bench.queue.enqueueMany('bulk', sent).then(() => true));
  await eventually(() => sent.every(({ payload }) => ranAt.has(payload.id)));
  return sent.map(({ payload, dueAt }) => Number(ranAt.get(payload.id)) - dueAt);
}

test.each([1, 3])('a delayed job runs once, and not before its time, with %i idle consumers', async (consumers) => {
  for (let count = 0; count < consumers; count += 1) bench.consume(note, { slots: 1 });
  await eventually(async () => (await bench.queue.workers()).length === consumers);
  const [late] = await lateness([1_200]);
  expect(late).toBeGreaterThanOrEqual(-5);
  expect(runs).toBe(1);
});

test.each([1, 2])(
  '%i consumers that sleep towards a later job are up when an earlier one is due',
  async (consumers) => {
    for (let count = 0; count < consumers; count += 1) bench.consume(note, { slots: 1 });
    await bench.queue.enqueue('bulk', durablePayloadOf(), { delayMs: 600_000 });
    await eventually(async () => (await bench.queue.workers()).length === consumers);
    const startedAt = performance.now();
    for (let round = 0; round < 40; round += 1) await lateness([50]);
    // Each comes when the consumers have just fallen asleep: by their poll of a second alone they would need 40 s. At their
    // times they need 4 s, so that the machine may stand still for long.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  },
);

test('many delays, some added while the consumers sleep towards later ones', async () => {
  bench.consume(note, { slots: 1 });
  bench.consume(note, { slots: 1 });
  const first = lateness([2_500, 900, 1_700, 2_100]);
  await eventually(async () => (await bench.queue.depth('bulk')).delayed === 4);
  const second = lateness([300, 600, 1_400]);
  const late = [...(await first), ...(await second)].toSorted((a, b) => a - b);
  expect(late[0]).toBeGreaterThanOrEqual(-5);
  expect(runs).toBe(7);
});

test('sleeping towards a delayed job asks Redis little', async () => {
  bench.consume(note);
  await bench.queue.enqueue('bulk', durablePayloadOf(), { delayMs: 60_000 });
  await eventually(async () => (await bench.queue.workers()).length === 1);
  const startedAt = performance.now();
  const before = await blockings();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const asked = (await blockings()) - before;
  // Once a second, however many seconds it was; and twice more for where the first and the last one lie.
  expect(asked).toBeLessThanOrEqual((performance.now() - startedAt) / 1_000 + 2);
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

test('after Redis came back empty, delayed jobs that are sent again run, and not before their time', async () => {
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
});
