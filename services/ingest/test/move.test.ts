import { createHash, randomInt } from 'node:crypto';
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, type IngestBench, type IngestProcess, isAtRest, openIngestBench } from './ingest-bench.ts';

const env = { INGEST_AFTER: 'move', INGEST_SETTLE_MS: '30', INGEST_RESCAN_MS: '200' };
let bench: IngestBench;
let ingest: IngestProcess;
beforeAll(async () => {
  bench = await openIngestBench();
  ingest = await bench.start({ env });
});
afterAll(() => bench.close());

const files = async () =>
  (await readdir(bench.inbox, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(bench.inbox.length + 1))
    .toSorted();
const movedAt = async (path: string) => (await bench.store.inboxFiles([path])).get(path)?.movedAt;

test('a file is moved when its job has ended, also one whose bytes had ended before, and is not read in done', async () => {
  await bench.put('sub/a.png', 'a');
  await eventually(async () => (await bench.jobs()).length === 1);
  await isAtRest(bench);
  expect(await files()).toEqual(['sub/a.png']);
  await bench.finish('succeed');
  await eventually(async () => (await movedAt('sub/a.png')) !== undefined);
  expect(await files()).toEqual(['done/sub/a.png', 'done/sub/a.png.json', 'done/sub/a.png.txt']);
  expect(await readFile(join(bench.inbox, 'done/sub/a.png.txt'), 'utf8')).toBe('First line\nSecond line\n');
  await bench.put('sub/a.png', 'a');
  await eventually(async () => (await files()).includes('done/sub/a (2).png'));
  expect(await bench.jobs()).toHaveLength(1);
});

test('a file that could not be read goes to failed', async () => {
  await bench.put('b.png', 'b');
  await eventually(async () => (await bench.jobs()).length === 2);
  await bench.finish('fail');
  await eventually(async () => (await movedAt('b.png')) !== undefined);
  expect(await readFile(join(bench.inbox, 'failed/b.png.txt'), 'utf8')).toBe('image_unreadable: Broken\n');
});

test('a file that is put back from failed is tried again, also under another name', async () => {
  await bench.put('again/c.png', 'c');
  const jobOf = async () =>
    (await bench.jobs()).find(({ source }) => source.kind === 'blob' && source.name === 'again/c.png');
  await eventually(async () => (await jobOf()) !== undefined);
  await bench.finish('fail');
  await eventually(async () => (await movedAt('again/c.png')) !== undefined);
  const putBack = async (name: string, generation: number) => {
    await rename(join(bench.inbox, 'failed/again/c.png'), join(bench.inbox, name));
    await eventually(async () => (await jobOf())?.generation === generation);
    const job = await jobOf();
    expect(job).toMatchObject({ state: 'queued' });
    await eventually(async () => (await bench.queue.holds('bulk', [job!]))[0] === true);
    await isAtRest(bench);
    expect(await files()).toContain(name);
  };
  await putBack('again/c.png', 1);
  await bench.finish('fail');
  await eventually(async () => (await files()).includes('failed/again/c.png'));
  await putBack('elsewhere.png', 2);
  await bench.finish('succeed');
  await eventually(async () => (await files()).includes('done/elsewhere.png'));
  expect(await readFile(join(bench.inbox, 'done/elsewhere.png.txt'), 'utf8')).toBe('First line\nSecond line\n');
});

test('whoever is killed again and again, while taking files and while moving them, loses none and doubles none', async () => {
  const seed = Number(process.env['INGEST_SEED'] ?? randomInt(2 ** 31));
  console.log(`INGEST_SEED=${seed}`);
  const names = Array.from({ length: 60 }, (_, n) => `many/${n % 7}/${n}.png`);
  // Each third one has the bytes of the one before.
  const contentOf = (n: number) => `content ${n % 3 === 2 ? n - 1 : n}`;
  const readings = new Set(names.map((_, n) => contentOf(n))).size;
  await Promise.all(names.map((name, n) => bench.put(name, contentOf(n))));
  const isOver = async () => (await files()).every((name) => !name.startsWith('many'));
  const working = (async () => {
    while (!(await isOver())) {
      await bench.finish('succeed');
      await delay(50);
    }
  })();
  for (let kill = 0; kill < 3 && !(await isOver()); kill += 1) {
    await eventually(async () => (await bench.client.status()).state === 'running');
    await delay(createHash('sha256').update(`${seed} ${kill}`).digest().readUInt16LE() % 600);
    await ingest.kill();
    ingest = await bench.start({ env });
  }
  await eventually(isOver);
  await working;
  const expected = names.flatMap((name) => [`done/${name}`, `done/${name}.json`, `done/${name}.txt`]);
  const left = (await files()).filter((name) => name.startsWith('done/many') && !name.endsWith('.part'));
  expect(left).toEqual(expected.toSorted());
  for (const [n, name] of names.entries()) {
    expect(await readFile(join(bench.inbox, 'done', name), 'utf8')).toBe(contentOf(n));
    expect(JSON.parse(await readFile(join(bench.inbox, `done/${name}.json`), 'utf8'))).toMatchObject({ path: name });
  }
  const jobs = (await bench.jobs()).filter(({ source }) => source.kind === 'blob' && source.name?.startsWith('many'));
  expect(jobs).toHaveLength(readings);
  expect(new Set(jobs.map(({ source }) => source.kind === 'blob' && source.sha256)).size).toBe(readings);
});
