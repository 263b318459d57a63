import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type BlobStore, createFilesystemBlobStore } from '@glyphmill/core/blobs';
import { createLogger } from '@glyphmill/core/logging';
import { type Lane, toDurablePayload } from '@glyphmill/core/queue';
import { createJobStore, type JobRecord, type JobSource, type JobState, type JobStore } from '@glyphmill/core/store';
import { serve, type TestServer } from '@glyphmill/test-servers/http';
import { eventually, openWorkerBench, readSample, type WorkerBench, type WorkerProcess } from './worker-bench.ts';

export interface Submission {
  readonly lane?: Lane;
  readonly deadlineAt?: number;
}

/** A worker bench with a store, and what the API does with durable jobs: it accepts them and sends them. */
export interface DurableBench {
  readonly bench: WorkerBench;
  readonly store: JobStore;
  readonly databaseFile: string;
  submit(source: JobSource, submission?: Submission): Promise<string>;
  /** Sends it as the queue would hand it out again. */
  send(id: string, generation: number): Promise<void>;
  upload(bytes: Uint8Array): Promise<JobSource>;
  stateOf(id: string): Promise<JobState | undefined>;
  ended(id: string): Promise<JobRecord>;
  /** Takes the database's write lock away from everybody; resolves with what gives it back. */
  lockDatabase(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** On SQLite, or on the Postgres that is named. */
export async function openDurableBench(postgresUrl?: string): Promise<DurableBench> {
  const bench = await openWorkerBench();
  const databaseFile = join(bench.dataDir, 'ocr_data.db');
  const logger = createLogger({ service: 'test', level: 'silent' });
  const store = createJobStore({ databaseUrl: postgresUrl ?? `file:${databaseFile}`, migrate: 'auto', logger });
  const blobs: BlobStore = createFilesystemBlobStore({ folder: join(bench.dataDir, 'blobs') });
  await store.ready;

  const send = async (id: string, generation: number): Promise<void> => {
    const row = await store.get(id);
    if (row === undefined) throw new Error('There is no such job');
    const { source, lane, priority } = row;
    const payload = toDurablePayload({ id, generation, source }, Date.now());
    await bench.queue.enqueue(lane, payload, { priority });
  };

  return {
    bench,
    store,
    databaseFile,
    send,
    async submit(source, { lane = 'bulk', deadlineAt } = {}) {
      const id = crypto.randomUUID();
      const deadline = deadlineAt === undefined ? {} : { deadlineAt };
      await store.accept([{ id, lane, priority: 100, source, ...deadline }]);
      await send(id, 0);
      return id;
    },
    async upload(bytes) {
      const { sha256, bytes: size } = await blobs.put(Readable.from([bytes]), { maxBytes: 20_000_000 });
      return { kind: 'blob', sha256, bytes: size };
    },
    stateOf: async (id) => (await store.states([id])).get(id),
    ended: (id) =>
      eventually(async () => {
        const job = await store.get(id);
        if (job === undefined || job.state === 'queued' || job.state === 'active') throw new Error(job?.state);
        return job;
      }),
    lockDatabase: () => lockDatabase(databaseFile),
    async close() {
      await bench.close();
      await store.close();
    },
  };
}

/** Another process, as anybody with a database browser may be one. */
async function lockDatabase(file: string): Promise<() => Promise<void>> {
  const script = `
    const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync(process.argv[1], { timeout: 10_000 });
    database.exec('BEGIN IMMEDIATE');
    process.stdout.write('locked');
    process.stdin.on('end', () => { database.exec('ROLLBACK'); process.exit(0); }).resume();`;
  const child = spawn(process.execPath, ['--no-warnings', '-e', script, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  return async () => {
    child.stdin.end();
    await exited;
  };
}

/** For what no program of ours would write. */
export async function runSql(file: string, statements: string): Promise<void> {
  const script = `
    const { DatabaseSync } = require('node:sqlite');
    new DatabaseSync(process.argv[1]).exec(process.argv[2]);`;
  const child = spawn(process.execPath, ['--no-warnings', '-e', script, file, statements], { stdio: 'inherit' });
  await once(child, 'exit');
}

/** A server of images whose answers a test holds back. */
export interface ImageServer {
  url(path: string): JobSource & { readonly kind: 'url' };
  /** How often a path was asked for. */
  requests(path: string): number;
  /** What `/held*` is answered with, for those who wait and those who come. */
  release(): void;
  hold(): void;
  close(): Promise<void>;
}

/**
 * `/gift-card.png` and other samples; `/held…` waits for `release`; `/flaky-N` fails N times before it works; anything
 * else is not found.
 */
export async function serveImages(): Promise<ImageServer> {
  const giftCard = await readSample('gift-card.png');
  const asked = new Map<string, number>();
  let isHeld = true;
  let waiting: (() => void)[] = [];
  const server: TestServer = await serve((request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    const times = (asked.get(path) ?? 0) + 1;
    asked.set(path, times);
    const answer = () => void response.end(giftCard);
    const refuse = (status: number) => void response.writeHead(status).end();
    const failures = /^\/flaky-(\d+)$/.exec(path)?.[1];
    if (path.startsWith('/held')) {
      if (isHeld) waiting.push(answer);
      else answer();
    } else if (failures !== undefined) {
      if (times <= Number(failures)) refuse(503);
      else answer();
    } else if (path === '/no-image') response.end('<html>');
    else
      readSample(path.slice(1)).then(
        (bytes) => response.end(bytes),
        () => refuse(404),
      );
  });
  return {
    url: (path) => ({ kind: 'url', url: `http://127.0.0.1:${server.port}${path}` }),
    requests: (path) => asked.get(path) ?? 0,
    release() {
      isHeld = false;
      for (const answer of waiting) answer();
      waiting = [];
    },
    hold() {
      isHeld = true;
    },
    close: () => server.close(),
  };
}

/** The value of a metric whose line begins with `name`, 0 while there is none. */
export async function metric(worker: WorkerProcess, name: string): Promise<number> {
  const text = await (await worker.ops('/metrics')).text();
  const line = text.split('\n').find((one) => one.startsWith(name));
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1));
}

/** The engine processes of a worker. */
export async function enginePids(worker: WorkerProcess): Promise<number[]> {
  const children = await readFile(`/proc/${worker.pid}/task/${worker.pid}/children`, 'utf8');
  return children.trim().split(/\s+/).filter(Boolean).map(Number);
}
