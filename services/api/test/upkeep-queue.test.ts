import { setTimeout as delay } from 'node:timers/promises';
import { createLaneConsumer, type HandlerAnswer, type Outcome, toDurablePayload } from '@glyphmill/core/queue';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';
import { eventually, openUpkeepBench, type RunningUpkeep, type UpkeepBench } from './upkeep-bench.ts';

let bench: UpkeepBench;
let workers: { close(): Promise<void> }[];

beforeEach(async () => {
  bench = await openUpkeepBench();
  workers = [];
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  await bench.close();
});

const refused: Outcome = { ok: false, error: { code: 'internal', message: 'Why', retryable: false } };

/** A worker that never touches the store. */
function consume(handle: () => Promise<HandlerAnswer> = () => Promise.resolve(refused)) {
  const taken: string[] = [];
  const consumer = createLaneConsumer({
    redisUrl: bench.redis.url,
    logger: createLogRecorder().logger,
    slots: 8,
    mailboxTtlMs: 60_000,
    report: () => ({ engines: 8, busy: 0, meanPageMs: 10 }),
    handle(job) {
      taken.push(job.payload.id);
      return handle();
    },
  });
  consumer.run();
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= consumer.drain(0).then(() => consumer.close()));
  workers.push({ close });
  return { taken, close };
}

/** The generation under which the queue holds the job, once it does. */
async function heldGeneration(id: string): Promise<number> {
  return eventually(async () => {
    const { generation } = await bench.get(id);
    return (await bench.isHeld({ id, generation })) ? generation : undefined;
  });
}

async function filled(): Promise<string> {
  return eventually(() => bench.queue.readEpoch());
}

describe('an empty Redis', () => {
  test('is filled under the same generations, then the epoch is written', async () => {
    const ids = await bench.accept({}, { lane: 'interactive' }, { priority: 7 });
    bench.upkeep();
    await filled();
    for (const id of ids) expect(await bench.isHeld({ id, generation: 0 })).toBe(true);
    expect((await bench.get(ids[0]!)).generation).toBe(0);
  });

  test('FLUSHALL in the middle: all come back, 10,000 of them, each once', async () => {
    const upkeep = bench.upkeep({ timing: { settleMs: 5_000 } });
    const first = await filled();
    const ids: string[] = [];
    for (let n = 0; n < 10; n += 1) ids.push(...(await bench.accept(...Array.from({ length: 1_000 }, () => ({})))));
    await bench.redis.client.flushall();
    const second = await filled();
    expect(second).not.toBe(first);
    const held = await bench.queue.holds(
      'bulk',
      ids.map((id) => ({ id, generation: 0 })),
    );
    expect(held.every(Boolean)).toBe(true);
    expect(await bench.queue.depth('bulk')).toMatchObject({ waiting: ids.length });
    expect(await upkeep.metric('glyphmill_reconciler_drift_total', { reason: 'refill' })).toBe(ids.length);
  });
});

describe('the reconciler', () => {
  const drift = (upkeep: RunningUpkeep, reason: string) =>
    upkeep.metric('glyphmill_reconciler_drift_total', { reason });

  test('sends a job whose first sending was lost', async () => {
    const upkeep = bench.upkeep();
    await filled();
    const [id] = await bench.accept({});
    expect(await heldGeneration(id!)).toBe(1);
    await eventually(async () => (await drift(upkeep, 'missing')) === 1);
  });

  test('leaves alone what the queue holds: waiting, delayed, taken by a worker', async () => {
    bench.upkeep();
    await filled();
    const [bulk, interactive] = await bench.accept({}, { lane: 'interactive' });
    await bench.send(bulk!, interactive!);
    const [delayed] = await bench.accept({});
    const payload = toDurablePayload(await bench.get(delayed!), Date.now());
    await bench.queue.enqueueMany('bulk', [{ payload, delayMs: 60_000 }]);
    const worker = consume(() => new Promise(() => {}));
    await eventually(() => worker.taken.length === 2);
    await delay(1_500);
    for (const id of [bulk, interactive, delayed]) expect((await bench.get(id!)).generation).toBe(0);
  });

  test('sends what the queue knows as ended under a new generation, which it does not ignore', async () => {
    const [id] = await bench.accept({});
    const payload = toDurablePayload(await bench.get(id!), Date.now());
    // Of this kind the queue remembers the end.
    await bench.queue.enqueueMany('bulk', [{ payload: { ...payload, kind: 'ephemeral' } }]);
    const worker = consume();
    await eventually(() => worker.taken.length === 1);
    await worker.close();
    await bench.queue.writeEpoch('a test');
    bench.upkeep();
    expect(await heldGeneration(id!)).toBe(1);
  });

  test('a retry that waits is sent with the rest of its wait', async () => {
    bench.upkeep();
    await filled();
    const [id] = await bench.accept({});
    const claimed = await bench.store.claim({ id: id!, generation: 0, workerId: 'w', leaseMs: 20_000 });
    if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
    const error = { code: 'download_failed' as const, message: 'Why', retryable: true };
    await bench.store.requeue(claimed.claim, { error, nextAttemptAt: Date.now() + 60_000 });
    expect(await heldGeneration(id!)).toBe(2);
    expect(await bench.queue.depth('bulk')).toEqual({ waiting: 0, active: 0, delayed: 1 });
    expect((await bench.get(id!)).attempts).toBe(1);
  });

  test('a run whose lease ran out is sent again without blame, unless the queue still has it', async () => {
    const upkeep = bench.upkeep();
    await filled();
    const [lost, held] = await bench.accept({}, {});
    await bench.send(held!);
    for (const id of [lost!, held!]) await bench.store.claim({ id, generation: 0, workerId: 'w', leaseMs: 1 });
    expect(await heldGeneration(lost!)).toBe(1);
    expect(await bench.get(lost!)).toMatchObject({ state: 'queued', attempts: 0 });
    expect(await bench.get(held!)).toMatchObject({ state: 'active', generation: 0 });
    await eventually(async () => (await drift(upkeep, 'lease_expired')) === 1);
  });

  test('a job that something takes out of the queue each time is not sent all the time', async () => {
    bench.upkeep({ timing: { settleMs: 100, reconcileEveryMs: 50, epochEveryMs: 50 } });
    await filled();
    const worker = consume();
    const [id, other] = await bench.accept({}, {});
    await delay(4_000);
    const counts = [id, other].map((one) => worker.taken.filter((taken) => taken === one).length);
    for (const count of counts) {
      expect(count).toBeGreaterThan(1);
      // After 100, 200, 400, 800 and 1,600 ms; else it would be dozens.
      expect(count).toBeLessThan(8);
    }
  });
});

test('the leader alone tells how many jobs there are', async () => {
  const [first] = await bench.accept({}, {}, {});
  await bench.store.cancel(first!);
  const leader = bench.upkeep();
  await eventually(() => leader.isLeading);
  const other = bench.upkeep();
  expect(await leader.metric('glyphmill_store_jobs', { state: 'queued' })).toBe(2);
  expect(await leader.metric('glyphmill_store_jobs', { state: 'canceled' })).toBe(1);
  expect(await leader.metric('glyphmill_upkeep_leader')).toBe(1);
  expect(await other.metric('glyphmill_store_jobs')).toBeUndefined();
  expect(await other.metric('glyphmill_upkeep_leader')).toBe(0);
  await eventually(async () => ((await leader.metric('glyphmill_reconciler_last_success_timestamp_seconds')) ?? 0) > 0);
});
