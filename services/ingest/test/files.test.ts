import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  eventually,
  type IngestBench,
  type IngestProcess,
  isAtRest,
  openIngestBench,
  readSample,
  settleMs,
} from './ingest-bench.ts';

let bench: IngestBench;
let ingest: IngestProcess;
beforeAll(async () => {
  bench = await openIngestBench();
  ingest = await bench.start({ env: { MAX_IMAGE_BYTES: '16MB' } });
});
afterAll(() => bench.close());

const sha256Of = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');
const rowOf = async (path: string) => (await bench.store.inboxFiles([path])).get(path);
const known = (path: string) =>
  eventually(async () => {
    const row = await rowOf(path);
    if (row === undefined) throw new Error(`${path} is not known`);
    return row;
  });
/** Jobs whose first file lies in this folder. */
const jobsIn = async (folder: string) =>
  (await bench.jobs()).filter(({ source }) => source.kind === 'blob' && source.name?.startsWith(`${folder}/`));
const jobsAre = (folder: string, count: number) =>
  eventually(async () => {
    const jobs = await jobsIn(folder);
    if (jobs.length !== count) throw new Error(`${jobs.length} jobs`);
    return jobs;
  });

describe('a file', () => {
  test('becomes a job with its bytes, is sent to the queue, and stays as it is', async () => {
    const path = 'new/November/scan 1.png';
    await bench.put(path, 'the bytes');
    const [job] = await jobsAre('new', 1);
    const sha256 = sha256Of('the bytes');
    expect(job).toMatchObject({
      lane: 'bulk',
      state: 'queued',
      source: { kind: 'blob', sha256, bytes: 9, name: path },
    });
    const blob = join(bench.dataDir, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256);
    expect(await readFile(blob, 'utf8')).toBe('the bytes');
    await eventually(async () => (await bench.queue.holds('bulk', [{ id: job!.id, generation: 0 }]))[0] === true);
    await eventually(async () => (await known(path)).jobId === job!.id);
    expect(await readFile(join(bench.inbox, path), 'utf8')).toBe('the bytes');
    expect(ingest.output()).toContain(`"jobId":"${job!.id}"`);
  });

  test('under two names, and under a third one later, is one reading with three sources', async () => {
    await Promise.all([bench.put('same/a.png', 'same'), bench.put('same/sub/b.JPG', 'same')]);
    const rows = [await known('same/a.png'), await known('same/sub/b.JPG')];
    await bench.finish('succeed');
    await bench.put('same/c.webp', 'same');
    rows.push(await known('same/c.webp'));
    const [job] = await jobsAre('same', 1);
    expect(rows.map(({ jobId }) => jobId)).toEqual([job!.id, job!.id, job!.id]);
  });

  test.concurrent.each(['gift-card.png', 'gray.jpg', 'sample.gif', 'sample.webp', 'sample.tiff', 'sample.avif'])(
    'that is written slowly is read once, whole, also when its writer makes long pauses: %s',
    async (sample) => {
      const image = await readSample(sample);
      const name = `slow-${sample}`;
      for (let piece = 0; piece < 4; piece += 1) {
        const [from, to] = [(piece * image.length) / 4, ((piece + 1) * image.length) / 4];
        await appendFile(join(bench.inbox, name), image.subarray(from, to));
        await delay(settleMs * 3);
      }
      expect(await known(name)).toMatchObject({ sha256: sha256Of(image), bytes: image.length });
      expect((await bench.names()).filter((one) => one === name)).toHaveLength(1);
    },
  );

  test('that changes is read again; one that is only touched is not', async () => {
    const path = 'changing/a.png';
    await bench.put(path, 'one');
    const before = await known(path);
    await utimes(join(bench.inbox, path), new Date(), new Date());
    await eventually(async () => (await known(path)).stamp !== before.stamp);
    expect(await jobsIn('changing')).toHaveLength(1);
    await bench.put('changing/.part', 'two');
    await rename(join(bench.inbox, 'changing/.part'), join(bench.inbox, path));
    await jobsAre('changing', 2);
    await eventually(async () => (await known(path)).sha256 === sha256Of('two'));
  });

  test('that turned out to be broken is not read again, under no name, until it changes', async () => {
    await bench.put('broken/a.png', 'no image');
    await jobsAre('broken', 1);
    await bench.finish('fail');
    await isAtRest(bench);
    await bench.put('broken/copy.png', 'no image');
    await known('broken/copy.png');
    expect(await jobsIn('broken')).toMatchObject([{ state: 'failed', generation: 0 }]);
    await eventually(async () => (await bench.client.status()).failed >= 2);
    await bench.put('broken/a.png', 'an image now');
    await jobsAre('broken', 2);
  });

  test('whose job was deleted is not read again; the same bytes under a new name are', async () => {
    await bench.put('old/a.png', 'old');
    await known('old/a.png');
    await bench.finish('succeed');
    await bench.store.deleteFinished({ finishedBefore: Date.now() + 60_000, limit: 1000 });
    await isAtRest(bench);
    expect(await bench.jobs()).toEqual([]);
    await bench.put('old/b.png', 'old');
    expect(await jobsAre('old', 1)).toMatchObject([{ source: { name: 'old/b.png' } }]);
  });
});

describe('a file that cannot be taken', () => {
  test('is known with its reason, becomes a job when it changes, and is forgotten when it goes', async () => {
    await bench.put('bad/empty.png', '');
    await bench.put('bad/gone.png', '');
    await bench.put('bad/large.png', '');
    await truncate(join(bench.inbox, 'bad/large.png'), 16_000_001);
    expect(await known('bad/large.png')).toMatchObject({ error: { code: 'image_too_large' } });
    expect(await known('bad/empty.png')).toMatchObject({
      error: { code: 'image_unreadable', message: 'The file is empty' },
    });
    await known('bad/gone.png');
    await rm(join(bench.inbox, 'bad/gone.png'));
    await bench.put('bad/empty.png', 'no more');
    expect(await jobsAre('bad', 1)).toMatchObject([{ source: { name: 'bad/empty.png' } }]);
    await eventually(async () => (await known('bad/empty.png')).error === undefined);
    await eventually(async () => (await rowOf('bad/gone.png')) === undefined);
  });
});

describe('what is none of ours', () => {
  test('hidden, temporary and other files, links, FIFOs and sockets are left alone', async () => {
    const outside = join(bench.folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret.png'), 'secret');
    const names = ['.hid.png', '~$a.png', 'a.png.part', 'b.crdownload', 'c.tmp', 'd.txt', '.git/e.png', '@eaDir/f.png'];
    for (const name of names) await bench.put(`odd/${name}`, name);
    const odd = join(bench.inbox, 'odd');
    await symlink(join(outside, 'secret.png'), join(odd, 'link.png'));
    await symlink(outside, join(odd, 'folder'));
    await symlink('/dev/zero', join(odd, 'endless.png'));
    await symlink('link to nothing', join(odd, 'nothing.png'));
    execFileSync('mkfifo', [join(odd, 'fifo.png')]);
    const socket = createServer().listen(join(odd, 'socket.png'));
    await bench.put('odd/good.png', 'good');
    await jobsAre('odd', 1);
    await isAtRest(bench);
    expect(await jobsIn('odd')).toMatchObject([{ source: { name: 'odd/good.png' } }]);
    expect(
      (await bench.jobs()).some(({ source }) => source.kind === 'blob' && source.sha256 === sha256Of('secret')),
    ).toBe(false);
    socket.close();
  });
});

test('no log tells a file’s name', () => {
  expect(ingest.output()).not.toMatch(/\.(png|JPG|webp)/);
  expect(ingest.output()).not.toContain('"level":"error"');
});
