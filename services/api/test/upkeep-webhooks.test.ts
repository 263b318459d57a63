import type { PostWebhook } from '@glyphmill/core/fetch';
import { Registry } from '@glyphmill/core/metrics';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createOutbox, type Outbox } from '../src/upkeep/outbox.ts';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';
import { eventually, openUpkeepBench, type UpkeepBench } from './upkeep-bench.ts';

const hourMs = 3_600_000;
const callbackUrl = 'https://hooks.example/';
const delivered: PostWebhook = () => Promise.resolve({ status: 204 });

let bench: UpkeepBench;

beforeEach(async () => {
  bench = await openUpkeepBench();
});
afterEach(() => bench.close());

/** Jobs whose ends are to be told, and ended so many hours ago. */
async function endHoursAgo(hours: number, count: number): Promise<string[]> {
  bench.skip(-hours * hourMs);
  const ids = await bench.accept(...Array.from({ length: count }, () => ({ callbackUrl })));
  for (const id of ids) await bench.store.cancel(id);
  bench.skip(hours * hourMs);
  return ids;
}

function outboxWith(post: PostWebhook): Outbox {
  const { logger } = createLogRecorder();
  return createOutbox({
    store: bench.store,
    post,
    timeoutMs: 5_000,
    secret: 'a-secret-of-the-tests',
    logger,
    registry: new Registry(),
  });
}

test('without a key what is older than a day is given up, so that its jobs can be deleted', async () => {
  const old = await endHoursAgo(25, 300);
  const [young] = await endHoursAgo(23, 1);
  const upkeep = bench.upkeep({ resultTtlMs: 1_000 });
  await eventually(async () => (await bench.store.states(old)).size === 0);
  expect(await upkeep.metric('glyphmill_retention_deleted_total')).toBe(300);
  expect(await upkeep.metric('glyphmill_webhooks_total', { outcome: 'given_up' })).toBe(300);
  const warnings = upkeep.lines.filter(({ level }) => level === 'warn');
  expect(warnings.map(({ fields }) => fields['webhooks'])).toEqual([300]);
  // With a key again it would be told.
  expect(await bench.store.takeDueEvents({ limit: 10, leaseMs: 1 })).toMatchObject([{ jobId: young }]);
});

test('with a key nothing is given up unheard, however old it is', async () => {
  await endHoursAgo(25, 1);
  const posted: string[] = [];
  bench.upkeep({
    outbox: outboxWith((url) => {
      posted.push(url);
      return Promise.resolve({ status: 204 });
    }),
  });
  await eventually(() => posted.length === 1);
});

test('the leader tells how many webhooks wait, and nobody else does', async () => {
  await endHoursAgo(1, 3);
  const leader = bench.upkeep();
  await eventually(() => leader.isLeading);
  expect(await leader.metric('glyphmill_webhooks_pending')).toBe(3);
  const other = bench.upkeep();
  expect(await other.metric('glyphmill_webhooks_pending')).toBeUndefined();
  expect(await other.registry.metrics()).not.toMatch(/^glyphmill_webhooks_pending /m);
});

test('settled webhooks do not wait', async () => {
  await endHoursAgo(1, 3);
  const leader = bench.upkeep({ outbox: outboxWith(delivered) });
  await eventually(async () => (await bench.store.countPendingEvents(10)) === 0);
  expect(await leader.metric('glyphmill_webhooks_pending')).toBe(0);
});

test('what a leader that stops has not sent is delivered by the next one at once', async () => {
  await endHoursAgo(0, 20);
  const begun = new Set<string>();
  let stopped: Promise<void> | undefined;
  const first = bench.upkeep({
    outbox: outboxWith((_url, { headers, signal }) => {
      begun.add(headers['webhook-id'] ?? '');
      stopped ??= first.stop();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('Aborted')));
        if (signal.aborted) reject(new Error('Aborted'));
      });
    }),
  });
  await eventually(() => stopped !== undefined);
  await stopped;
  expect(begun.size).toBeLessThanOrEqual(4);

  const heard = new Set<string>();
  bench.upkeep({
    outbox: outboxWith((_url, { headers }) => {
      heard.add(headers['webhook-id'] ?? '');
      return Promise.resolve({ status: 204 });
    }),
  });
  // What was being sent may have arrived: that is left alone for a minute.
  await eventually(() => heard.size === 20 - begun.size);
});
