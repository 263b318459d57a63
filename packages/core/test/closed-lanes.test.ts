import { afterEach, beforeEach, expect, test } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClaimedJob, type HandlerAnswer, type Lane, takesFrom } from '../src/queue/queue.ts';
import { durablePayloadOf, eventually, openBench, payloadOf, type QueueBench, success } from './queue-bench.ts';

let bench: QueueBench;
let taken: Lane[];
let open: Set<Lane>;

beforeEach(async () => {
  bench = await openBench();
  taken = [];
  open = new Set<Lane>(['interactive']);
});
afterEach(() => bench.close());

function note(job: ClaimedJob): Promise<HandlerAnswer> {
  taken.push(job.lane);
  return Promise.resolve(success('page'));
}

const isOpen = (lane: Lane) => open.has(lane);

async function commandsAMoment(): Promise<number> {
  const total = async () => {
    const stats = await bench.redis.client.info('stats');
    return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]);
  };
  const before = await total();
  await delay(1_000);
  return (await total()) - before;
}

test('nothing is taken from a closed lane while the other is served, and all once it opens', async () => {
  const entries = Array.from({ length: 5 }, () => ({ payload: durablePayloadOf() }));
  await bench.queue.enqueueMany('bulk', entries);
  bench.consume(note, { isOpen, slots: 1 });
  for (let round = 0; round < 10; round += 1) await bench.request(payloadOf());
  await delay(1_200);
  expect(taken).toEqual(Array.from({ length: 10 }, () => 'interactive'));
  open.add('bulk');
  await eventually(() => taken.length === 15);
  expect(taken.slice(10)).toEqual(Array.from({ length: 5 }, () => 'bulk'));
});

test.each([
  ['one lane is', ['interactive']],
  ['both lanes are', []],
] as const)('waiting jobs make no consumer spin while %s closed', async (_, lanes) => {
  open = new Set<Lane>(lanes);
  const entries = Array.from({ length: 50 }, () => ({ payload: durablePayloadOf() }));
  await bench.queue.enqueueMany('bulk', entries);
  bench.consume(note, { isOpen });
  bench.consume(note, { isOpen });
  await eventually(async () => (await bench.queue.workers()).length === 2);
  // Heartbeats, looks for dead workers and stalled jobs, and some sleeps; a spin would be thousands.
  expect(await commandsAMoment()).toBeLessThan(200);
  expect(taken).toEqual([]);
  open = new Set<Lane>(['interactive', 'bulk']);
  await eventually(() => taken.length === 50);
});

test('a consumer of one lane leaves the other to those who take it, and says so', async () => {
  const others: Lane[] = [];
  bench.consume(note, { lanes: ['bulk'] });
  await eventually(async () => (await bench.queue.workers()).length === 1);
  const waiting = bench.request(payloadOf());
  await bench.queue.enqueueMany('bulk', [{ payload: durablePayloadOf() }, { payload: durablePayloadOf() }]);
  await eventually(() => taken.length === 2);
  await delay(1_200);
  expect(taken).toEqual(['bulk', 'bulk']);
  const [report] = await bench.queue.workers();
  expect(report).toMatchObject({ lanes: ['bulk'] });
  expect(takesFrom(report!, 'interactive')).toBe(false);
  bench.consume(
    (job) => {
      others.push(job.lane);
      return Promise.resolve(success('page'));
    },
    { lanes: ['interactive'] },
  );
  expect(await waiting).toMatchObject({ ok: true });
  expect(others).toEqual(['interactive']);
});

test('another consumer, whose lane is open, is woken by what a closed one leaves', async () => {
  bench.consume(note, { isOpen });
  let others = 0;
  bench.consume(() => {
    others += 1;
    return Promise.resolve(success('page'));
  });
  await eventually(async () => (await bench.queue.workers()).length === 2);
  await bench.queue.enqueueMany(
    'bulk',
    Array.from({ length: 30 }, () => ({ payload: durablePayloadOf() })),
  );
  await eventually(() => others === 30);
  expect(taken).toEqual([]);
});
