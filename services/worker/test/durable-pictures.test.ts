import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFilesystemBlobStore } from '@glyphmill/core/blobs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DurableBench, type ImageServer, metric, openDurableBench, serveImages } from './durable-bench.ts';
import { isReady, readSample, type WorkerProcess } from './worker-bench.ts';

let durable: DurableBench;
let images: ImageServer;
beforeAll(async () => {
  [durable, images] = await Promise.all([openDurableBench(), serveImages()]);
});
afterAll(async () => {
  await images.close();
  await durable.close();
});

async function withWorker(env: Record<string, string>, use: (worker: WorkerProcess) => Promise<void>): Promise<void> {
  const worker = await durable.bench.startWorker(env);
  try {
    await isReady(worker);
    await use(worker);
  } finally {
    worker.child.kill('SIGKILL');
    await worker.exited();
  }
}

const blobsIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true }).catch(() => [])).filter((path) => /[0-9a-f]{64}$/.test(path));

test('a durable job keeps its page as two small pictures; one that somebody waits for leaves nothing', async () => {
  const folder = join(durable.bench.dataDir, 'blobs');
  await withWorker({}, async (worker) => {
    expect(await durable.bench.read({ kind: 'data' }, { input: await readSample('gift-card.png') })).toMatchObject({
      ok: true,
    });
    expect(await blobsIn(folder)).toEqual([]);

    const job = await durable.ended(await durable.submit(await durable.upload(await readSample('exif-6.jpg'))));
    const { previewSha256, thumbnailSha256 } = job.pictures!;
    const blobs = createFilesystemBlobStore({ folder });
    const [preview, thumbnail] = await Promise.all(
      [previewSha256, thumbnailSha256].map(async (sha256) => {
        const picture = await blobs.read(sha256);
        expect(Buffer.from(picture!).toString('latin1', 8, 15)).toBe('WEBPVP8');
        return durable.bench.read({ kind: 'data' }, { input: picture! });
      }),
    );
    const { width, height, lines } = job.result!;
    const texts = lines.map(({ text }) => expect.objectContaining({ text }));
    expect(preview).toMatchObject({ ok: true, result: { width, height, lines: texts } });
    expect(thumbnail).toMatchObject({ ok: true, result: { width: 320, height: Math.round((height * 320) / width) } });
    expect(job.result?.timings).toHaveProperty('draw');
    expect(await blobsIn(folder)).toHaveLength(3);
    expect(worker.output()).toMatch(/"draw":[\d.]+,.*"keep":[\d.]+/);
  });
});

test('without pictures where they are not wanted', async () => {
  await withWorker({ KEEP_IMAGES: 'none' }, async () => {
    const job = await durable.ended(await durable.submit(images.url('/gift-card.png')));
    expect(job).toMatchObject({ state: 'succeeded' });
    expect(job.pictures).toBeUndefined();
    expect(job.result?.timings).not.toHaveProperty('draw');
  });
});

test('without a folder to keep them in, pages are read all the same, and the log says so once', async () => {
  const place = await mkdtemp(join(tmpdir(), 'glyphmill-no-folder-'));
  const DATA_DIR = join(place, 'file');
  await writeFile(DATA_DIR, 'Nothing can be made in here');
  await withWorker({ DATA_DIR, DATABASE_URL: `file:${durable.databaseFile}` }, async (worker) => {
    for (const path of ['/gift-card.png', '/alpha.png']) {
      const job = await durable.ended(await durable.submit(images.url(path)));
      expect(job).toMatchObject({ state: 'succeeded', attempts: 1 });
      expect(job.pictures).toBeUndefined();
    }
    expect(worker.output().match(/stored without pictures/g)).toHaveLength(1);
    expect(await metric(worker, 'glyphmill_pictures_lost_total')).toBeGreaterThanOrEqual(1);
  });
  await rm(place, { recursive: true });
});
