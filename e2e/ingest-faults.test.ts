import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { countUnfinished, installAudit, readJobs } from './src/audit.ts';
import { isSlowRun } from './src/durable-stack.ts';
import { delay, eventually } from './src/eventually.ts';
import { type Random, randomFor } from './src/seed.ts';
import type { ServiceProcess } from './src/service-process.ts';
import { openSqliteDatabase } from './src/sqlite-database.ts';
import { Stack } from './src/stack.ts';
import { codeLine } from './src/test-images.ts';

const images = isSlowRun ? 1_000 : 24;
const kills = isSlowRun ? 60 : 4;
/** Files with the bytes of another. */
const copies = Math.floor(images / 10);
const settleMs = 400;

interface NewFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** The first bytes and the first chunk of a PNG. */
const pngHeadBytes = 33;

/** Pictures that look the same and are not the same file: each has a comment of its own. */
function drawFiles(picture: Buffer): NewFile[] {
  const bytesOf = (n: number) =>
    Buffer.concat([picture.subarray(0, pngHeadBytes), commentOf(n), picture.subarray(pngHeadBytes)]);
  return [
    ...Array.from({ length: images }, (_, n) => ({ path: `${n % 5}/image ${n}.png`, bytes: bytesOf(n) })),
    ...Array.from({ length: copies }, (_, n) => ({ path: `copies/image ${n}.png`, bytes: bytesOf(n * 10) })),
  ];
}

function commentOf(n: number): Buffer {
  const content = Buffer.from(`tEXtComment\0image ${n}`);
  const chunk = Buffer.alloc(content.length + 8);
  chunk.writeUInt32BE(content.length - 4);
  content.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(content), content.length + 4);
  return chunk;
}

/** As people and programs do it. */
async function copyIn(inbox: string, { path, bytes }: NewFile, random: Random): Promise<void> {
  const place = join(inbox, path);
  await mkdir(dirname(place), { recursive: true });
  const way = random.below(10);
  if (way < 5) await writeFile(place, bytes);
  else if (way < 8) {
    await writeFile(`${place}.part`, bytes);
    await delay(random.below(100));
    await rename(`${place}.part`, place);
  } else {
    const file = await open(place, 'w');
    for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 6)) {
      await file.write(bytes.subarray(at, at + Math.ceil(bytes.length / 6)));
      await delay(random.below(200));
    }
    await file.close();
  }
}

test(
  'images copied in while ingest, worker and Redis are killed at random are each read once, whole',
  { timeout: 120_000 + images * 3_000 },
  async () => {
    const walk = randomFor('files of a folder');
    const stack = await Stack.start();
    const database = openSqliteDatabase(join(stack.dataDir, 'ocr_data.db'));
    const env = { INGEST_SETTLE_MS: String(settleMs), INGEST_RESCAN_MS: '1000' };
    try {
      await installAudit(database);
      let ingest: ServiceProcess = await stack.startIngest(env);
      const files = drawFiles(stack.pictures.small);
      const clerk = walk.fork();
      const copying = (async () => {
        for (const file of clerk.shuffled(files)) {
          await copyIn(stack.inbox, file, clerk);
          // About as fast as it is read, so that all is under way while others die.
          await delay(isSlowRun ? clerk.below(500) : clerk.below(150));
        }
      })();
      for (let kill = 0; kill < kills; kill += 1) {
        await delay(walk.below(isSlowRun ? 6_000 : 1_500));
        const victim = walk.pick(['ingest', 'ingest', 'worker', 'Redis']);
        console.log(`${kill + 1}: ${victim} is killed`);
        if (victim === 'ingest') {
          await ingest.kill();
          ingest = await stack.startIngest(env);
        } else if (victim === 'worker') {
          await walk.pick(stack.runningWorkers()).kill();
          await stack.startWorker();
        } else {
          await stack.redis.kill();
          await delay(walk.below(1_000));
          await stack.redis.start();
        }
      }
      await copying;
      const knownFiles = () =>
        database.query<{ path: string; job: string | null; bytes: number }>(
          'SELECT path, job_id AS job, bytes FROM inbox_files ORDER BY path',
        );
      await eventually(
        async () => (await knownFiles()).length >= files.length && (await countUnfinished(database)) === 0,
        { timeoutMs: 60_000 + images * 2_000, everyMs: 250, what: 'all files to be read' },
      );
      const jobs = await readJobs(database);
      expect(jobs).toHaveLength(images);
      for (const job of jobs) {
        expect(job).toMatchObject({ state: 'succeeded', timesEnded: 1, linesWritten: 1 });
        expect(job.lines.map(({ text }) => text)).toEqual([codeLine]);
      }
      const rows = await knownFiles();
      const bytesOf = new Map(files.map(({ path, bytes }) => [path, bytes.length]));
      expect(rows.map(({ path, bytes }) => [path, bytes])).toEqual(
        [...bytesOf].toSorted(([a], [b]) => (a < b ? -1 : 1)),
      );
      expect(new Set(rows.map(({ job }) => job))).toEqual(new Set(jobs.map(({ id }) => id)));
      expect(stack.findDeaths()).toEqual([]);
    } finally {
      await database.close();
      await stack.stop();
    }
  },
);
