import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, type IngestBench, openIngestBench } from './ingest-bench.ts';

let bench: IngestBench;
beforeEach(async () => {
  bench = await openIngestBench();
});
afterEach(() => bench.close());

const sha256Of = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');
const rowOf = async (path: string) => (await bench.store.inboxFiles([path])).get(path);

test('it may be missing, come, go and come back; new files are told of, in new folders, too', async () => {
  await rm(bench.inbox, { recursive: true });
  const ingest = await bench.start();
  await eventually(() => ingest.output().includes('The inbox cannot be looked at'));
  expect(await bench.client.status()).toMatchObject({ readable: false, watching: 'rescan' });
  await bench.put('a.png', 'a');
  await eventually(async () => (await bench.jobs()).length === 1);
  await eventually(async () => (await bench.client.status()).watching === 'events');
  await rename(bench.inbox, `${bench.inbox}-away`);
  await eventually(async () => !(await bench.client.status()).readable);
  await mkdir(bench.inbox);
  await bench.put('b.png', 'b');
  await eventually(async () => (await bench.jobs()).length === 2);
  expect(await readdir(bench.inbox)).toEqual(['b.png']);
  await ingest.kill();

  await bench.start({ env: { INGEST_RESCAN_MS: '600000' } });
  await eventually(async () => (await bench.client.status()).lastScanAt !== undefined);
  await bench.put('new/deep/c.png', 'c');
  await eventually(async () => (await bench.jobs()).length === 3);
  await bench.put('new/deep/d.png', 'd');
  await eventually(async () => (await bench.jobs()).length === 4);
});

test('a folder that is swapped for a link again and again leads nobody out', async () => {
  const outside = join(bench.folder, 'outside');
  const [inside, aside, link] = ['sub', '.aside', '.link'].map((name) => join(bench.inbox, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(outside);
  await mkdir(inside);
  await symlink(outside, link);
  for (let n = 0; n < 20; n += 1) {
    await writeFile(join(outside, `${n}.png`), `secret ${n}`);
    await writeFile(join(inside, `${n}.png`), `open ${n}`);
  }
  let isOver = false;
  const swapping = (async () => {
    while (!isOver) {
      await rename(inside, aside);
      await rename(link, inside);
      await rename(inside, link);
      await rename(aside, inside);
    }
  })();
  await bench.start({ env: { INGEST_SETTLE_MS: '20', INGEST_RESCAN_MS: '100', INGEST_BATCH_SIZE: '20' } });
  await eventually(async () => (await bench.jobs()).length >= 10);
  isOver = true;
  await swapping;
  await eventually(async () => (await bench.jobs()).length >= 20);
  const open = new Set(Array.from({ length: 20 }, (_, n) => sha256Of(`open ${n}`)));
  for (const { source } of await bench.jobs()) expect(source.kind === 'blob' && open.has(source.sha256)).toBe(true);
});

test.runIf(process.getuid?.() === 0)(
  'it may be read-only, and what may not be read is known as such until it may',
  async () => {
    // Root may do everything, so that another user has to.
    const uid = 65_534;
    execFileSync('chown', ['-R', `${uid}:${uid}`, bench.dataDir]);
    await chmod(bench.folder, 0o755);
    await chmod(bench.redis.folder, 0o755);
    await bench.put('secret.png', 'secret');
    await chmod(join(bench.inbox, 'secret.png'), 0o600);
    await bench.put('locked/a.png', 'a');
    await chmod(join(bench.inbox, 'locked'), 0o700);
    await bench.put('open.png', 'open');
    await bench.start({ uid });
    await eventually(async () => (await rowOf('secret.png'))?.error !== undefined);
    expect(await rowOf('secret.png')).toMatchObject({
      error: { code: 'image_unreadable', message: 'The file may not be read' },
    });
    await eventually(async () => (await bench.jobs()).length === 1);
    expect(await bench.names()).toEqual(['open.png']);
    await chmod(join(bench.inbox, 'secret.png'), 0o644);
    await chmod(join(bench.inbox, 'locked'), 0o755);
    await eventually(async () => (await bench.jobs()).length === 3);
    await eventually(async () => (await rowOf('secret.png'))?.error === undefined);
  },
);

test('what cannot be looked at is told of in the status, until it can be', async () => {
  const odd = Buffer.concat([Buffer.from(`${bench.inbox}/`), Buffer.from('\xE4.png', 'latin1')]);
  await writeFile(odd, 'a');
  await bench.put('b.png', 'b');
  await bench.start();
  await eventually(async () => (await bench.client.status()).lastScanAt !== undefined);
  expect((await bench.client.status()).faults).toEqual({
    count: 1,
    examples: [{ path: '\uFFFD.png', reason: 'name_not_utf8' }],
  });
  await eventually(async () => (await bench.names()).includes('b.png'));
  await rename(odd, join(bench.inbox, 'ä.png'));
  await eventually(async () => (await bench.client.status()).faults === undefined);
});

test('a file that grows and grows is no job until it rests, also while it is copied', async () => {
  const path = join(bench.inbox, 'large.png');
  await bench.put('large.png', Buffer.alloc(8_000_000, 'a'));
  let isOver = false;
  const writing = (async () => {
    // Always well within the time that it would have to rest.
    while (!isOver) {
      await appendFile(path, 'b');
      await delay(50);
    }
  })();
  await bench.start({ env: { INGEST_SETTLE_MS: '1500' } });
  await bench.put('other.png', 'at rest');
  // Whoever came later and rested was taken.
  await eventually(async () => (await bench.jobs()).length > 0);
  expect(await bench.names()).toEqual(['other.png']);
  isOver = true;
  await writing;
  await eventually(async () => (await bench.jobs()).length === 2);
  await eventually(async () => (await rowOf('large.png')) !== undefined);
  expect((await rowOf('large.png'))?.sha256).toBe(sha256Of(await readFile(path)));
});
