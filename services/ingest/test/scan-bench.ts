/**
 * How long a scan of a large inbox takes, whose files are all known: `node services/ingest/test/scan-bench.ts 100000`.
 * Not a test.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createInboxClient } from '@glyphmill/core/inbox';
import { createLogger } from '@glyphmill/core/logging';
import { createJobStore, type InboxFileRecord, type JobStore } from '@glyphmill/core/store';
import { stampOf } from '../src/folder/file-stamp.ts';

const files = Number(process.argv[2] ?? 100_000);
const scans = 3;
const filesInFolder = 1_000;
const ticksPerSecond = 100;

const folder = await mkdtemp(join(tmpdir(), 'glyphmill-scan-bench-'));
const inbox = join(folder, 'inbox');
const logger = createLogger({ service: 'bench', level: 'silent' });
const store = createJobStore({ databaseUrl: `file:${folder}/ocr_data.db`, migrate: 'auto', logger });
await store.ready;
await fill(store);
await store.close();

const child = fork(new URL('../src/main.ts', import.meta.url), {
  env: { PATH: process.env['PATH'], DATA_DIR: folder, REDIS_URL: `unix://${folder}/none.sock`, OPS_PORT: '0' },
  execArgv: [],
  silent: true,
});
await once(child, 'message');
const client = createInboxClient(join(folder, 'ingest.sock'));
let cpuBefore = 0;
for (let scan = 0, last = 0; scan < scans;) {
  await delay(50);
  const { lastScanAt = 0, lastScanMs, filesSeen, waiting } = await client.status();
  if (lastScanAt === last) continue;
  const cpu = await cpuSecondsOf(child.pid ?? 0);
  console.log({ lastScanMs, cpuSeconds: cpu - cpuBefore, filesSeen, waiting, rss: await residentOf(child.pid ?? 0) });
  cpuBefore = cpu;
  last = lastScanAt;
  scan += 1;
  await client.scan();
}
child.kill('SIGKILL');
await rm(folder, { recursive: true });

async function fill(target: JobStore): Promise<void> {
  for (let first = 0; first < files; first += filesInFolder) {
    const name = `folder ${first / filesInFolder}`;
    await mkdir(join(inbox, name), { recursive: true });
    const records: InboxFileRecord[] = [];
    for (let n = first; n < Math.min(first + filesInFolder, files); n += 1) {
      const path = `${name}/image ${n}.png`;
      await writeFile(join(inbox, path), String(n));
      const stamp = stampOf(await stat(join(inbox, path), { bigint: true }));
      records.push({ path, stamp, bytes: 5, sha256: 'ab'.repeat(32), jobId: `job ${n}` });
    }
    await target.recordInboxFiles(records);
  }
}

async function cpuSecondsOf(pid: number): Promise<number> {
  const [, fields = ''] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ');
  const [user, system] = fields.split(' ').slice(11, 13).map(Number);
  return ((user ?? 0) + (system ?? 0)) / ticksPerSecond;
}

async function residentOf(pid: number): Promise<string> {
  return /VmRSS:\s+(.*)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
}
