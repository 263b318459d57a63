import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createInboxClient, type InboxClient } from '@glyphmill/core/inbox';
import { createLogger } from '@glyphmill/core/logging';
import { createJobQueue, type JobQueue } from '@glyphmill/core/queue';
import { createJobStore, type FinishedPage, type JobSummary, type JobStore } from '@glyphmill/core/store';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const silent = createLogger({ service: 'test', level: 'silent' });

export interface IngestProcess {
  readonly child: ChildProcess;
  output(): string;
  readonly exited: Promise<number | null>;
  kill(): Promise<void>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Runs as another user, to whom modes of files mean something. */
  readonly uid?: number;
}

/** A data folder, an inbox, a store, a Redis, and ingest processes over them. */
export interface IngestBench {
  readonly redis: TestRedis;
  readonly folder: string;
  readonly dataDir: string;
  readonly inbox: string;
  readonly databaseUrl: string;
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly client: InboxClient;
  start(options?: StartOptions): Promise<IngestProcess>;
  /** Writes a file of the inbox, its folders too. */
  put(path: string, content: string | Uint8Array): Promise<void>;
  jobs(): Promise<readonly JobSummary[]>;
  /** What the jobs' files are called, sorted. */
  names(): Promise<string[]>;
  /** Ends all unfinished jobs as a worker would. */
  finish(ending: 'succeed' | 'fail'): Promise<void>;
  close(): Promise<void>;
}

/** Shorter than what a person needs, longer than what a loaded machine takes for two looks. */
export const settleMs = 100;

export async function openIngestBench(): Promise<IngestBench> {
  const redis = await startRedis();
  const folder = await mkdtemp(join(tmpdir(), 'glyphmill-ingest-'));
  const dataDir = join(folder, 'data');
  const inbox = join(folder, 'inbox');
  await Promise.all([mkdir(dataDir), mkdir(inbox)]);
  const databaseUrl = `file:${join(dataDir, 'ocr_data.db')}`;
  const store = createJobStore({ databaseUrl, migrate: 'auto', logger: silent });
  const queue = createJobQueue({ redisUrl: redis.url, logger: silent, mailboxTtlMs: 1_000 });
  await store.ready;
  const processes: IngestProcess[] = [];
  const jobs = async () => (await store.list({ limit: 1000 })).jobs;
  return {
    redis,
    folder,
    dataDir,
    inbox,
    databaseUrl,
    store,
    queue,
    client: createInboxClient(join(dataDir, 'ingest.sock')),
    async start({ env = {}, uid } = {}) {
      const started = await startProcess(
        { REDIS_URL: redis.url, DATA_DIR: dataDir, INBOX_DIR: inbox, DATABASE_URL: databaseUrl, ...env },
        uid,
      );
      processes.push(started);
      return started;
    },
    async put(path, content) {
      await mkdir(dirname(join(inbox, path)), { recursive: true });
      await writeFile(join(inbox, path), content);
    },
    jobs,
    names: async () =>
      (await jobs()).map(({ source }) => (source.kind === 'blob' ? (source.name ?? '') : source.url)).toSorted(),
    async finish(ending) {
      for (const { id, generation } of await store.pending({ untouchedSince: Number.MAX_SAFE_INTEGER, limit: 1000 })) {
        const answer = await store.claim({ id, generation, workerId: 'test', leaseMs: 60_000 });
        if (answer.kind !== 'claimed') continue;
        if (ending === 'succeed') await store.finishSucceeded(answer.claim, pageOf(answer.job));
        else await store.finishFailed(answer.claim, { code: 'image_unreadable', message: 'Broken', retryable: false });
      }
    },
    async close() {
      await Promise.all(processes.map((one) => one.kill()));
      await store.close();
      await queue.close();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function pageOf({ source }: JobSummary): FinishedPage {
  const sha256 = source.kind === 'blob' ? source.sha256 : '';
  const box = [
    [1, 2],
    [3, 2],
    [3, 4],
    [1, 4],
  ] as const;
  return {
    sha256,
    engineVersion: '1',
    result: {
      width: 10,
      height: 10,
      model: 'tiny',
      timings: {},
      lines: ['First line', 'Second line'].map((text) => ({ text, confidence: 0.987654, box })),
    },
  } as unknown as FinishedPage;
}

async function startProcess(env: Readonly<Record<string, string>>, uid: number | undefined): Promise<IngestProcess> {
  const child = fork(main, {
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      OPS_PORT: '0',
      INGEST_SETTLE_MS: String(settleMs),
      INGEST_RESCAN_MS: '500',
      ...env,
    },
    silent: true,
    execArgv: [],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += String(chunk)));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  await Promise.race([
    once(child, 'message'),
    exited.then((code) => {
      throw new Error(`Ingest ended with ${String(code)}:\n${output}`);
    }),
  ]);
  return {
    child,
    output: () => output,
    exited,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Repeats `attempt` until it neither throws nor answers false; gives up long after any machine would have done it. */
export async function eventually<T>(attempt: () => T | Promise<T>): Promise<T> {
  const giveUpAt = Date.now() + 80_000;
  for (;;) {
    try {
      const value = await attempt();
      if (value !== false) return value;
      if (Date.now() > giveUpAt) throw new Error('It never came true');
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
    }
    await delay(30);
  }
}

/** Rejects when the inbox does not rest: two full scans from now on find nothing to do. */
export async function isAtRest({ client }: Pick<IngestBench, 'client'>): Promise<void> {
  for (let scans = 0; scans < 2; scans += 1) {
    const before = (await client.scan()).lastScanAt ?? 0;
    await eventually(async () => {
      const now = await client.status();
      return !now.scanning && (now.lastScanAt ?? 0) > before && now.waiting === 0;
    });
  }
}

const samples = new URL('../../../packages/ocr/samples/', import.meta.url);

export function readSample(name: string): Promise<Buffer> {
  return readFile(new URL(name, samples));
}
