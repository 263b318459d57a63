import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger } from '@glyphmill/core/logging';
import { createJobNotices, type Outcome } from '@glyphmill/core/queue';
import type { JobState } from '@glyphmill/core/store';
import { version } from '@glyphmill/core/version';
import { serveRaw } from '@glyphmill/test-servers/http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type DurableBench,
  enginePids,
  type ImageServer,
  metric,
  openDurableBench,
  serveImages,
} from './durable-bench.ts';
import { eventually, isReady, readSample, type WorkerProcess } from './worker-bench.ts';

let durable: DurableBench;
let images: ImageServer;
let worker: WorkerProcess;

beforeAll(async () => {
  [durable, images] = await Promise.all([openDurableBench(), serveImages()]);
  worker = await durable.bench.startWorker({ MAX_ATTEMPTS: '3' });
  await isReady(worker);
});
afterAll(async () => {
  await images.close();
  await durable.close();
});
beforeEach(() => images.hold());
afterEach(() => images.release());

const runs = (outcome: string) => metric(worker, `glyphmill_durable_runs_total{outcome="${outcome}"`);
const linesOf = (outcome: Outcome) => (outcome.ok ? outcome.result.lines : outcome.error);
const engines = (state: string) => metric(worker, `glyphmill_engine_processes{state="${state}"`);
const queueHolds = async (id: string, generation: number) =>
  (await durable.bench.queue.holds('bulk', [{ id, generation }]))[0];

/** A job that the worker is reading: it waits for its image. */
async function submitHeld(path: string): Promise<string> {
  const id = await durable.submit(images.url(path));
  await eventually(() => images.requests(path) > 0);
  return id;
}

describe('a durable job that is read', () => {
  test('is stored as POST /analyze would answer, with what read it, and leaves the queue', async () => {
    const heard: JobState[] = [];
    const notices = createJobNotices({
      redisUrl: durable.bench.redis.url,
      logger: createLogger({ service: 'test', level: 'silent' }),
    });
    const id = await durable.submit(images.url('/held-notices'));
    await notices.listen(id, (state) => heard.push(state));
    images.release();
    const job = await durable.ended(id);
    const bytes = await readSample('gift-card.png');
    expect(job).toMatchObject({
      state: 'succeeded',
      attempts: 1,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      model: 'tiny',
      engineVersion: version,
    });
    expect(job.error).toBeUndefined();
    expect(job.result?.timings).toMatchObject({ fetch: expect.any(Number), engine: expect.any(Number) });
    const analyzed = await durable.bench.read(images.url('/gift-card.png'));
    expect(job.result?.lines).toEqual(linesOf(analyzed));
    expect(job.result?.lines.map(({ text }) => text)).toContain('STEAM');
    await eventually(async () => !(await queueHolds(id, 0)));
    await eventually(() => heard.at(-1) === 'succeeded');
    expect(worker.output()).not.toMatch(/STEAM|held-notices|http:/);
    await notices.close();
  });

  test('may be an upload', async () => {
    const job = await durable.ended(await durable.submit(await durable.upload(await readSample('alpha.png'))));
    expect(job).toMatchObject({ state: 'succeeded', sha256: job.source.kind === 'blob' ? job.source.sha256 : '' });
    const analyzed = await durable.bench.read({ kind: 'data' }, { input: await readSample('alpha.png') });
    expect(job.result?.lines).toEqual(linesOf(analyzed));
  });

  test('may come from either lane', async () => {
    const job = await durable.ended(await durable.submit(images.url('/gift-card.png'), { lane: 'interactive' }));
    expect(job).toMatchObject({ state: 'succeeded', lane: 'interactive' });
  });
});

describe('a durable job that cannot be read', () => {
  test('is tried again while that may help', async () => {
    const before = await runs('retried');
    const id = await durable.submit(images.url('/flaky-2'));
    expect(await durable.ended(id)).toMatchObject({ state: 'succeeded', attempts: 3, generation: 2 });
    expect(images.requests('/flaky-2')).toBe(3);
    expect(await runs('retried')).toBe(before + 2);
  });

  test('fails after MAX_ATTEMPTS, with the last reason', async () => {
    const job = await durable.ended(await durable.submit(images.url('/flaky-99')));
    expect(job).toMatchObject({
      state: 'failed',
      attempts: 3,
      error: { code: 'download_failed', message: expect.stringContaining('503'), retryable: true },
    });
    expect(images.requests('/flaky-99')).toBe(3);
  });

  test.each([
    ['/missing', 'download_failed'],
    ['/no-image', 'image_unsupported'],
  ])('fails at once where nothing helps: %s', async (path, code) => {
    const job = await durable.ended(await durable.submit(images.url(path)));
    expect(job).toMatchObject({ state: 'failed', attempts: 1, error: { code, retryable: false } });
    expect(job.result).toBeUndefined();
    expect(images.requests(path)).toBe(1);
    await eventually(async () => !(await queueHolds(job.id, 0)));
  });

  test('an upload that is gone may come back, but is not waited for for ever', async () => {
    const job = await durable.ended(await durable.submit({ kind: 'blob', sha256: 'a'.repeat(64), bytes: 10 }));
    expect(job).toMatchObject({ state: 'failed', attempts: 3, error: { code: 'store_unavailable', retryable: true } });
  });

  test('an upload that cannot be read ends after its attempts, and holds up no other job', async () => {
    const sha256 = 'b'.repeat(64);
    // A folder in its place cannot be read by anybody, like a bad sector.
    await mkdir(join(durable.bench.dataDir, 'blobs', 'bb', 'bb', sha256), { recursive: true });
    const id = await durable.submit({ kind: 'blob', sha256, bytes: 10 });
    await eventually(async () => (await durable.stateOf(id)) === 'active');
    expect(await durable.ended(await durable.submit(images.url('/gift-card.png')))).toMatchObject({ attempts: 1 });
    expect(await metric(worker, 'glyphmill_store_up')).toBe(1);
    expect(await metric(worker, 'glyphmill_uploads_up')).toBe(1);
    expect(await durable.ended(id)).toMatchObject({
      state: 'failed',
      attempts: 3,
      error: { code: 'store_unavailable', retryable: true },
    });
    expect(worker.output()).not.toContain('is away');
  });

  test('fails at its deadline, and its download is stopped', async () => {
    const closed = Promise.withResolvers<void>();
    const hanging = await serveRaw((socket) => socket.once('close', () => closed.resolve()));
    const source = { kind: 'url', url: `http://127.0.0.1:${hanging.port}/` } as const;
    const id = await durable.submit(source, { deadlineAt: Date.now() + 4_000 });
    expect(await durable.ended(id)).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } });
    await closed.promise;
    await hanging.close();
    const late = await durable.submit(images.url('/never'), { deadlineAt: Date.now() - 1 });
    expect(await durable.ended(late)).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } });
    expect(images.requests('/never')).toBe(0);
  });
});

describe('a durable job that is not ours to end', () => {
  /** Whatever page the only engine gets does not end by itself: the engine stands still until it is killed. */
  async function freezeEngine(): Promise<number> {
    const [engine] = await enginePids(worker);
    if (engine === undefined) throw new Error('No engine');
    process.kill(engine, 'SIGSTOP');
    onTestFinished(() => {
      if (existsSync(`/proc/${engine}`)) process.kill(engine, 'SIGCONT');
    });
    return engine;
  }

  test('canceled: its engine stops, and the row stays as it is', async () => {
    const killed = () => metric(worker, 'glyphmill_engine_restarts_total{reason="cancel_timeout"');
    const before = { runs: await runs('canceled'), killed: await killed() };
    await eventually(async () => (await engines('idle')) === 1);
    const engine = await freezeEngine();
    const id = await durable.submit(images.url('/gift-card.png'));
    await eventually(async () => (await engines('busy')) === 1);
    expect(await durable.store.cancel(id)).toMatchObject({ kind: 'canceled', was: 'active' });
    await durable.bench.queue.cancel('bulk', id, 0);
    await eventually(() => !existsSync(`/proc/${engine}`));
    // By the queue's word: found out from its lease the run would end `late`, and by the page's deadline the engine would
    // end for `page_timeout`.
    await eventually(async () => (await runs('canceled')) === before.runs + 1);
    expect(await killed()).toBe(before.killed + 1);
    expect(await durable.store.get(id)).toMatchObject({ state: 'canceled' });
    expect((await durable.store.get(id))?.result).toBeUndefined();
  });

  test('canceled while Redis could not be told: the lease says so', async () => {
    const before = await runs('late');
    const closed = Promise.withResolvers<void>();
    const hanging = await serveRaw((socket) => socket.once('close', () => closed.resolve()));
    const id = await durable.submit({ kind: 'url', url: `http://127.0.0.1:${hanging.port}/` });
    await eventually(() => hanging.connections() > 0);
    await durable.store.cancel(id);
    await closed.promise;
    await eventually(async () => (await runs('late')) === before + 1);
    expect(await durable.stateOf(id)).toBe('canceled');
    await eventually(async () => !(await queueHolds(id, 0)));
    await hanging.close();
  });

  test('taken over by another: the late finish changes nothing', async () => {
    const before = await runs('late');
    const id = await submitHeld('/held-late');
    const taken = await durable.store.claim({ id, generation: 0, workerId: 'test', leaseMs: 60_000 });
    if (taken.kind !== 'claimed') throw new Error(taken.kind);
    images.release();
    await eventually(async () => (await runs('late')) === before + 1);
    expect(await durable.store.get(id)).toMatchObject({ state: 'active' });
    expect((await durable.store.get(id))?.result).toBeUndefined();
    expect(worker.output()).toMatch(new RegExp(`"jobId":"${id}"[^\\n]*"outcome":"discarded","ending":"late"`));
    expect(await durable.store.release(taken.claim)).toBe(true);
    await durable.send(id, 0);
    expect(await durable.ended(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
  });

  test('out of date in the queue: ended, sent anew under another generation, or unknown', async () => {
    const before = await runs('outdated');
    const ended = await durable.submit(images.url('/gift-card.png'));
    await durable.ended(ended);
    await eventually(async () => !(await queueHolds(ended, 0)));
    const requests = images.requests('/gift-card.png');
    await durable.send(ended, 0);
    await durable.send(ended, 7);
    await eventually(async () => (await runs('outdated')) === before + 2);
    expect(images.requests('/gift-card.png')).toBe(requests);
    expect(await durable.store.get(ended)).toMatchObject({ state: 'succeeded', generation: 0 });
  });
});
