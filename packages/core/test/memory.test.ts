import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClaimedJob, HandlerAnswer } from '../src/queue/queue.ts';
import { durablePayloadOf, eventually, openBench, payloadOf, type QueueBench, success } from './queue-bench.ts';

let bench: QueueBench;
let ran: Set<string>;
let lines: string[];

beforeEach(async () => {
  bench = await openBench();
  ran = new Set();
  lines = [];
});
afterEach(() => bench.close());

function note(job: ClaimedJob): Promise<HandlerAnswer> {
  ran.add(job.payload.id);
  return Promise.resolve(success('page'));
}

function listeningLogger() {
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return pino(sink);
}

async function usedBytes(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await bench.redis.client.info('memory'))?.[1]);
}

async function limitMemory(bytes: number): Promise<void> {
  await bench.redis.client.config('SET', 'maxmemory', String(bytes));
}

test('a full queue refuses jobs before those who take them are refused, and runs empty', async () => {
  await limitMemory((await usedBytes()) + 8_000_000);
  const waiting = Array.from({ length: 6_000 }, () => durablePayloadOf());
  const sendAll = () =>
    bench.queue.enqueueMany(
      'bulk',
      waiting.filter(({ id }) => !ran.has(id)).map((payload) => ({ payload })),
    );
  await expect(sendAll()).rejects.toMatchObject({ code: 'queue_unavailable' });
  await eventually(async () => {
    const refused = await bench.queue.enqueue('bulk', durablePayloadOf()).catch((error: unknown) => error);
    return refused !== undefined;
  });
  // Callers who wait find room all the same.
  const interactive = payloadOf();
  await bench.queue.enqueue('interactive', interactive);
  await bench.queue.cancel('interactive', interactive.id);
  const { waiting: before } = await bench.queue.depth('bulk');
  expect(before).toBeGreaterThan(500);
  bench.consume(note, { slots: 4, logger: listeningLogger() });
  await eventually(() => ran.size >= before);
  // As the reconciler does: what did not fit is sent again until it does.
  await eventually(async () => {
    await sendAll();
    return ran.size >= waiting.length;
  }, 60_000);
  expect(lines.filter((line) => line.includes('could be taken'))).toEqual([]);
});

test('without any memory left, taking is tried again quietly, and goes on by itself', async () => {
  await bench.queue.enqueueMany(
    'bulk',
    Array.from({ length: 20 }, () => ({ payload: durablePayloadOf() })),
  );
  await limitMemory(1);
  bench.consume(note, { logger: listeningLogger() });
  await eventually(() => lines.some((line) => line.includes('No job could be taken')));
  await delay(2_500);
  expect(ran.size).toBe(0);
  expect(lines.filter((line) => line.includes('No job could be taken'))).toHaveLength(1);
  await limitMemory(0);
  await eventually(() => ran.size === 20);
  expect(lines.some((line) => line.includes('Jobs can be taken again'))).toBe(true);
  expect((await bench.request(payloadOf())).ok).toBe(true);
});

test('jobs that are held when the memory ends run to their end', async () => {
  const full = Promise.withResolvers<void>();
  const [durable, ephemeral] = [durablePayloadOf(), payloadOf()];
  bench.consume(async (job) => {
    ran.add(job.payload.id);
    await full.promise;
    await job.started();
    return success('page');
  });
  await bench.queue.enqueue('bulk', durable);
  const outcome = bench.request(ephemeral);
  await eventually(() => ran.size === 2);
  await limitMemory(1);
  full.resolve();
  expect(await outcome).toEqual(success('page'));
  await eventually(async () => (await bench.queue.holds('bulk', [durable]))[0] === false);
  expect((await bench.queue.depth('interactive')).active).toBe(0);
});

test('workers whose heartbeats Redis refuses take nothing from each other', { timeout: 40_000 }, async () => {
  const release = Promise.withResolvers<void>();
  let runs = 0;
  const hold = async (job: ClaimedJob): Promise<HandlerAnswer> => {
    runs += 1;
    await Promise.race([release.promise, new Promise((resolve) => job.signal.addEventListener('abort', resolve))]);
    return success(job.signal.aborted ? 'stopped' : 'page');
  };
  // Locks that outlive the shortage.
  bench.consume(hold, { slots: 1, lockMs: 60_000 });
  bench.consume(hold, { slots: 1, lockMs: 60_000 });
  await bench.queue.enqueue('bulk', durablePayloadOf());
  await eventually(() => runs === 1);
  await limitMemory(1);
  await eventually(async () => (await bench.queue.workers()).length === 0);
  await delay(4_000);
  await limitMemory(0);
  // Who had taken it away would run it now.
  await delay(1_500);
  release.resolve();
  await eventually(async () => (await bench.queue.depth('bulk')).active === 0);
  expect(runs).toBe(1);
  expect(bench.events.filter(({ type }) => type === 'stalled' || type === 'lock_lost')).toEqual([]);
});
