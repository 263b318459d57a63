import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DurableBench, type ImageServer, metric, openDurableBench, serveImages } from './durable-bench.ts';
import { eventually, isReady, type WorkerProcess } from './worker-bench.ts';

let postgres: TestPostgres;
let durable: DurableBench;
let images: ImageServer;
let worker: WorkerProcess;

beforeAll(async () => {
  postgres = await startPostgres();
  [durable, images] = await Promise.all([openDurableBench(postgres.url), serveImages()]);
  worker = await durable.bench.startWorker({ DATABASE_URL: postgres.url });
  await isReady(worker);
});
afterAll(async () => {
  await images.close();
  await durable.close();
  await postgres.stop();
});

describe('on Postgres', () => {
  test('a durable job is stored as POST /analyze would answer', async () => {
    const job = await durable.ended(await durable.submit(images.url('/gift-card.png')));
    expect(job).toMatchObject({ state: 'succeeded', attempts: 1, model: 'tiny' });
    const analyzed = await durable.bench.read(images.url('/gift-card.png'));
    expect(job.result?.lines).toEqual(analyzed.ok ? analyzed.result.lines : []);
  });

  test('what was read while the server was away is stored when it is back, and read once', async (context) => {
    context.skip(!postgres.isOurs);
    const id = await durable.submit(images.url('/held'));
    await eventually(() => images.requests('/held') === 1);
    await postgres.kill();
    images.release();
    await eventually(async () => (await metric(worker, 'glyphmill_store_waiting_jobs')) === 1);
    expect(await durable.bench.read(images.url('/gift-card.png'))).toMatchObject({ ok: true });
    expect((await worker.ops('/readyz')).status).toBe(200);
    expect(await (await worker.ops('/readyz?deep=1')).json()).toMatchObject({ checks: { store: { ok: false } } });
    await postgres.start();
    expect(await durable.ended(id)).toMatchObject({ state: 'succeeded', attempts: 1, generation: 0 });
    expect(images.requests('/held')).toBe(1);
    await eventually(async () => (await metric(worker, 'glyphmill_store_up')) === 1);
  });
});
