import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClaimedJob, HandlerAnswer, LaneEvent } from '../src/queue/queue.ts';
import {
  durablePayloadOf,
  eventually,
  openBench,
  payloadOf,
  type QueueBench,
  success,
  untilAborted,
} from './queue-bench.ts';

let bench: QueueBench;
let waited: Map<string, number>;

beforeEach(async () => {
  bench = await openBench();
  waited = new Map();
});
afterEach(() => bench.close());

function note(job: ClaimedJob): Promise<HandlerAnswer> {
  waited.set(job.payload.id, job.waitedMs);
  return Promise.resolve(success('page'));
}

const eventsOf = <T extends LaneEvent['type']>(type: T) =>
  bench.events.filter((event): event is Extract<LaneEvent, { type: T }> => event.type === type);

/** Makes the queue believe that a job was made so long ago. */
async function age(bullKey: string, ageMs: number): Promise<void> {
  await bench.redis.client.hset(bullKey, 'timestamp', String(Date.now() - ageMs));
}

test('a job knows how long it has waited', async () => {
  const payload = payloadOf();
  await bench.queue.enqueue('interactive', payload);
  await age(`{glyphmill}:interactive:${payload.id}-0`, 60_000);
  bench.consume(note);
  await eventually(() => waited.has(payload.id));
  expect(waited.get(payload.id)).toBeGreaterThanOrEqual(60_000);
  expect(waited.get(payload.id)).toBeLessThan(90_000);
});

test('the delay before it is due is no wait', async () => {
  const payload = durablePayloadOf();
  await bench.queue.enqueue('bulk', payload, { delayMs: 700 });
  await age(`{glyphmill}:bulk:${payload.id}-0`, 60_000);
  bench.consume(note);
  await eventually(() => waited.has(payload.id));
  // A minute ago it was made to be due 0.7 s later.
  expect(waited.get(payload.id)).toBeGreaterThanOrEqual(59_300);
  expect(waited.get(payload.id)).toBeLessThan(90_000);
});

test('the clock of who sent it may be ahead: nobody waits for less than no time', async () => {
  const payload = payloadOf();
  await bench.queue.enqueue('interactive', payload);
  await age(`{glyphmill}:interactive:${payload.id}-0`, -60_000);
  bench.consume(note);
  await eventually(() => waited.has(payload.id));
  expect(waited.get(payload.id)).toBe(0);
});

test('a job whose deadline passed in the queue is told of, though no handler sees it', async () => {
  const payload = payloadOf({ deadlineAt: Date.now() - 1 });
  await bench.queue.enqueue('interactive', payload);
  await age(`{glyphmill}:interactive:${payload.id}-0`, 60_000);
  bench.consume(note);
  await eventually(() => eventsOf('ended_unread').length === 1);
  expect(eventsOf('ended_unread')).toEqual([
    {
      type: 'ended_unread',
      lane: 'interactive',
      source: 'url',
      waitedMs: expect.any(Number),
      code: 'deadline_exceeded',
    },
  ]);
  expect(eventsOf('ended_unread')[0]?.waitedMs).toBeGreaterThanOrEqual(60_000);
  expect(waited.size).toBe(0);
});

test('so is one whose payload cannot be read', async () => {
  const payload = payloadOf();
  await bench.queue.enqueue('bulk', payload);
  await bench.redis.client.hset(`{glyphmill}:bulk:${payload.id}-0`, 'data', '{"version":99}');
  bench.consume(note);
  await eventually(() => eventsOf('ended_unread').length === 1);
  expect(eventsOf('ended_unread')).toMatchObject([{ lane: 'bulk', source: undefined, code: 'internal' }]);
});

test('locks that are gone when they are to be renewed are told of', async () => {
  bench.consume(untilAborted, { lockMs: 3_000 });
  const payload = payloadOf();
  await bench.queue.enqueue('interactive', payload);
  await eventually(async () => (await bench.queue.depth('interactive')).active === 1);
  await bench.redis.client.set(`{glyphmill}:interactive:${payload.id}-0:lock`, 'somebody else');
  await eventually(() => eventsOf('renewals_failed').length > 0);
  expect(eventsOf('renewals_failed')[0]).toEqual({ type: 'renewals_failed', jobs: 1 });
  await eventually(() => eventsOf('lock_lost').length === 1);
});

test('so are those that Redis did not answer for in time', async () => {
  bench.consume(untilAborted, { lockMs: 2_000 });
  await bench.queue.enqueue('interactive', payloadOf());
  await bench.queue.enqueue('bulk', durablePayloadOf());
  await eventually(async () => (await bench.queue.depth('bulk')).active === 1);
  await eventually(async () => (await bench.queue.depth('interactive')).active === 1);
  bench.redis.pause();
  try {
    await eventually(() => eventsOf('renewals_failed').reduce((sum, { jobs }) => sum + jobs, 0) === 2);
  } finally {
    bench.redis.resume();
  }
});
