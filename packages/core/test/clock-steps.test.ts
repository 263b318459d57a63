import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openBench, payloadOf, type QueueBench, success } from './queue-bench.ts';

const hourMs = 3_600_000;

let bench: QueueBench;

beforeEach(async () => {
  bench = await openBench();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await bench.close();
});

/** What a time server does to a machine whose clock was wrong; only timers and the monotonic clock go on as before. */
function setClock(stepMs: number): void {
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + stepMs);
}

test.each([-hourMs, hourMs])('a job stays with its worker when the clock is set by %i ms', async (stepMs) => {
  const lostWorkers: number[] = [];
  const started = Promise.withResolvers<void>();
  const handle = async (job: { lostWorkers: number; signal: AbortSignal }) => {
    lostWorkers.push(job.lostWorkers);
    started.resolve();
    await delay(4_000);
    return success(job.signal.aborted ? 'stopped' : 'left alone');
  };
  const options = { lockMs: 1_500, stallCheckMs: 300, slots: 1 };
  bench.consume(handle, options);
  bench.consume(handle, options);
  const outcome = bench.request(payloadOf());
  await started.promise;
  setClock(stepMs);
  expect(await outcome).toEqual(success('left alone'));
  expect(lostWorkers).toEqual([0]);
  expect(bench.events.filter(({ type }) => type === 'stalled' || type === 'lock_lost')).toEqual([]);
});
