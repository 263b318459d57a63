import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, openBench, payloadOf, type QueueBench, success, untilAborted } from './queue-bench.ts';

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
    // Locks last 15 s, and every 5 s somebody looks for lost ones.
    expect(Date.now() - killedAt).toBeLessThan(25_000);
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
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(job.signal.aborted).toBe(false);
    return success('slow');
  };
  const options = { lockMs: 1_500, stallCheckMs: 300, slots: 1 };
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
