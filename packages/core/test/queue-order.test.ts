import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUIDv7 } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { toDurablePayload } from '../src/queue/queue.ts';
import { createJobStore, type JobStore, type JobSummary } from '../src/store/store.ts';
import { eventually, logger, openBench, type QueueBench, success } from './queue-bench.ts';

let bench: QueueBench;
let folder: string;
let store: JobStore;

beforeEach(async () => {
  bench = await openBench();
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-order-'));
  store = createJobStore({ databaseUrl: `file:${join(folder, 'jobs.db')}`, migrate: 'auto', logger });
  await store.ready;
});
afterEach(async () => {
  await bench.close();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function accept(priority: number): Promise<string> {
  const id = randomUUIDv7();
  const source = { kind: 'url', url: 'https://images.example/card.png' } as const;
  await store.accept([{ id, lane: 'bulk', priority, source }]);
  return id;
}

async function send({ id, generation, source, priority }: JobSummary): Promise<void> {
  await bench.queue.enqueue('bulk', toDurablePayload({ id, generation, source }, Date.now()), { priority });
}

async function acceptAndSend(priority: number): Promise<string> {
  const id = await accept(priority);
  const job = await store.get(id);
  await send(job!);
  return id;
}

async function failAndRetry(id: string): Promise<void> {
  const answer = await store.claim({ id, generation: 0, workerId: 'w', leaseMs: 10_000 });
  if (answer.kind !== 'claimed') throw new Error(answer.kind);
  await bench.queue.cancel('bulk', id);
  await store.finishFailed(answer.claim, { code: 'internal', message: 'Broken', retryable: false });
  const retried = await store.retryFailed(id);
  if (retried.kind !== 'queued') throw new Error(retried.kind);
  await send(retried.job);
}

test('positions are the order in which the queue gives the jobs out, retries included', async () => {
  const ids: string[] = [];
  for (const priority of [500, 100, 100, 1, 100, 500]) ids.push(await acceptAndSend(priority));
  await failAndRetry(ids[1]!);
  await failAndRetry(ids[3]!);
  for (const priority of [100, 1, 0]) ids.push(await acceptAndSend(priority));

  const positions = new Map<string, number>();
  for (const id of ids) positions.set(id, (await store.position(id))!);
  const order: string[] = [];
  bench.consume(
    (job) => {
      order.push(job.payload.id);
      return Promise.resolve(success('page'));
    },
    { slots: 1 },
  );
  await eventually(() => order.length === ids.length);
  expect(order.map((id) => positions.get(id))).toEqual(ids.map((_, index) => index + 1));
});
