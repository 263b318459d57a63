import { freePort } from '@glyphmill/test-servers/free-port';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLogger } from '@glyphmill/core/logging';
import {
  createJobAwaiter,
  createJobQueue,
  type JobAwaiter,
  type JobPayload,
  type JobQueue,
  type Outcome,
} from '@glyphmill/core/queue';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface WorkerProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything that it wrote so far. */
  output(): string;
  exited(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  ops(path: string): Promise<Response>;
}

/** A redis-server, a data folder and worker processes of their own, and what the API would use to talk to them. */
export interface WorkerBench {
  readonly redis: TestRedis;
  readonly dataDir: string;
  readonly queue: JobQueue;
  readonly awaiter: JobAwaiter;
  startWorker(env?: Record<string, string>, options?: { readonly ipc?: boolean }): Promise<WorkerProcess>;
  /** Sends a job as the API does, and waits for its end. */
  read(source: JobPayload['source'], options?: { readonly id?: string; readonly input?: Uint8Array }): Promise<Outcome>;
  close(): Promise<void>;
}

export async function openWorkerBench(): Promise<WorkerBench> {
  const dataDir = await mkdtemp(join(tmpdir(), 'glyphmill-worker-'));
  const redis = await startRedis();
  const redisUrl = redis.url;
  const logger = createLogger({ service: 'test', level: 'silent' });
  const queue = createJobQueue({ redisUrl, logger, mailboxTtlMs: 60_000 });
  const awaiter = createJobAwaiter({ redisUrl, queue, logger });
  const workers: WorkerProcess[] = [];
  await eventually(() => queue.ping());
  return {
    redis,
    dataDir,
    queue,
    awaiter,
    async startWorker(env = {}, { ipc = false } = {}) {
      const worker = await spawnWorker({ REDIS_URL: redisUrl, DATA_DIR: dataDir, ...env }, ipc);
      workers.push(worker);
      return worker;
    },
    async read(source, { id = crypto.randomUUID(), input } = {}) {
      const deadlineAt = Date.now() + 60_000;
      const wait = await awaiter.expect(id);
      try {
        const payload = { version: 1, id, generation: 0, kind: 'ephemeral', source, enqueuedAt: Date.now() } as const;
        await queue.enqueue('interactive', payload, { input });
        return await wait.outcome(deadlineAt);
      } finally {
        wait.release();
      }
    },
    async close() {
      for (const worker of workers) worker.child.kill('SIGKILL');
      await Promise.all(workers.map((worker) => worker.exited()));
      await awaiter.close();
      await queue.close();
      await redis.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function spawnWorker(env: Record<string, string>, ipc: boolean): Promise<WorkerProcess> {
  const port = await freePort();
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      OPS_PORT: String(port),
      ENGINE_PROCESSES: '1',
      MODEL: 'tiny',
      RETRY_DELAY_MS: '300',
      FETCH_ALLOW_CIDRS: '127.0.0.0/8',
      ...env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += String(chunk)));
  const exited = once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  return {
    child,
    pid: child.pid ?? 0,
    output: () => output,
    exited: () => exited,
    ops: (path) => fetch(`http://127.0.0.1:${port}${path}`),
  };
}

export async function isReady(worker: WorkerProcess): Promise<void> {
  await eventually(async () => {
    if (worker.child.exitCode !== null) throw new Error(worker.output());
    const response = await worker.ops('/readyz');
    if (response.status !== 200) throw new Error(await response.text());
  });
}

/** Repeats `attempt` until it neither throws nor answers false; gives up long after any machine would have done it. */
export async function eventually<T>(attempt: () => T | Promise<T>): Promise<T> {
  const giveUpAt = Date.now() + 60_000;
  for (;;) {
    try {
      const value = await attempt();
      if (value !== false) return value;
      if (Date.now() > giveUpAt) throw new Error('It never came true');
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
    }
    await delay(50);
  }
}

const samples = new URL('../../../packages/ocr/samples/', import.meta.url);

export async function readSample(name: string): Promise<Buffer> {
  return readFile(new URL(name, samples));
}
