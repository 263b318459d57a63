import { Readable } from 'node:stream';
import type { NewJob } from '@glyphmill/core/store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sampleResult } from './fake-queue.ts';
import { runJob } from './jobs-app.ts';
import { eventually, openUpkeepBench, type UpkeepBench } from './upkeep-bench.ts';

const hourMs = 3_600_000;
/** Sweeps whatever is older than an instant, whenever jobs were deleted. */
const eager = { minBlobAgeMs: 1, sweepAfterDeletionMs: 0, sweepEveryMs: hourMs };

let bench: UpkeepBench;

beforeEach(async () => {
  bench = await openUpkeepBench();
});
afterEach(() => bench.close());

async function upload(content: string): Promise<Extract<NewJob['source'], { kind: 'blob' }>> {
  return { kind: 'blob', ...(await bench.blobs.put(Readable.from([Buffer.from(content)]), { maxBytes: 100 })) };
}

const exists = async (id: string) => (await bench.store.get(id)) !== undefined;

test('a job goes with its lines and its upload; what another job needs stays', async () => {
  const [own, shared] = [await upload('its own'), await upload('needed by two')];
  const [old, oldShared] = await bench.accept({ source: own }, { source: shared });
  await runJob(bench.store, old!, 'succeeded');
  await runJob(bench.store, oldShared!, 'succeeded');
  const [live] = await bench.accept({ source: shared });
  const word = sampleResult.lines[0]!.text.split(' ')[0]!;
  expect(await bench.store.searchLines({ text: word, limit: 10 })).not.toEqual([]);

  const upkeep = bench.upkeep({ resultTtlMs: 1_000, timing: eager });
  await eventually(async () => !(await exists(old!)) && !(await exists(oldShared!)));
  await eventually(async () => (await bench.blobs.size(own.sha256)) === undefined);
  expect(await bench.store.searchLines({ text: word, limit: 10 })).toEqual([]);
  expect(await bench.blobs.size(shared.sha256)).toBe(shared.bytes);
  expect((await bench.get(live!)).state).toBe('queued');
  expect(await upkeep.metric('glyphmill_retention_deleted_total')).toBe(2);
  await eventually(async () => (await upkeep.metric('glyphmill_retention_blobs_deleted_total')) === 1);
});

test('the pictures of a page stay for as long as its job, the original goes once it was read', async () => {
  const [original, preview, thumbnail] = [await upload('original'), await upload('large'), await upload('small')];
  const [id] = await bench.accept({ source: original });
  const claimed = await bench.store.claim({ id: id!, generation: 0, workerId: 'test', leaseMs: hourMs });
  if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
  await bench.store.finishSucceeded(claimed.claim, {
    result: { width: 1, height: 1, model: 'small', lines: sampleResult.lines, timings: {} },
    sha256: original.sha256,
    engineVersion: '1',
    pictures: { previewSha256: preview.sha256, thumbnailSha256: thumbnail.sha256 },
  });
  const sizes = () => Promise.all([original, preview, thumbnail].map(({ sha256 }) => bench.blobs.size(sha256)));
  const keeping = bench.upkeep({ timing: { ...eager, sweepEveryMs: 0 } });
  await eventually(async () => (await keeping.metric('glyphmill_retention_blobs_deleted_total')) === 1);
  expect(await sizes()).toEqual([undefined, preview.bytes, thumbnail.bytes]);

  await keeping.stop();
  bench.upkeep({ resultTtlMs: 1, timing: { ...eager, sweepEveryMs: 0 } });
  await eventually(async () => (await sizes()).every((bytes) => bytes === undefined));
  expect(await exists(id!)).toBe(false);
});

test('only what ended longer ago than the TTL is deleted, however much it is', async () => {
  const ids = await bench.accept(...Array.from({ length: 120 }, () => ({})));
  for (const id of ids) await bench.store.cancel(id);
  // As if it ended later.
  bench.skip(hourMs);
  const [failed, waiting] = await bench.accept({}, {});
  await runJob(bench.store, failed!, 'image_unreadable');

  bench.upkeep({ resultTtlMs: 1_000 });
  await eventually(async () => (await bench.store.states(ids)).size === 0);
  expect(await exists(failed!)).toBe(true);
  expect(await exists(waiting!)).toBe(true);
});

test('without a TTL nothing is deleted but uploads that no job needs', async () => {
  const [done, retryable, orphan] = [await upload('done'), await upload('failed'), await upload('never accepted')];
  const [succeeded, failed] = await bench.accept({ source: done }, { source: retryable });
  await runJob(bench.store, succeeded!, 'succeeded');
  await runJob(bench.store, failed!, 'internal');
  bench.upkeep({ timing: { ...eager, sweepEveryMs: 0 } });
  await eventually(async () => (await bench.blobs.size(orphan.sha256)) === undefined);
  await eventually(async () => (await bench.blobs.size(done.sha256)) === undefined);
  expect(await bench.blobs.size(retryable.sha256)).toBe(retryable.bytes);
  expect(await exists(succeeded!)).toBe(true);
});

test('young uploads stay: their job may be about to be accepted', async () => {
  const orphan = await upload('accepted in a moment');
  const [id] = await bench.accept({});
  await bench.store.cancel(id!);
  const upkeep = bench.upkeep({ resultTtlMs: 1, timing: { ...eager, minBlobAgeMs: hourMs, sweepEveryMs: 0 } });
  await eventually(async () => (await upkeep.metric('glyphmill_retention_deleted_total')) === 1);
  expect(await bench.blobs.size(orphan.sha256)).toBe(orphan.bytes);
});
