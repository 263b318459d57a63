import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import { createLogger } from '../../src/logging.ts';
import { type Claim, createJobStore, type FinishedPage, type JobStore, type NewJob } from '../../src/store/store.ts';

export const logger = createLogger({ service: 'test', level: 'silent' });

/** Where a test file gets empty databases of one kind from. */
export interface TestDatabases {
  newUrl(): Promise<string>;
  stop(): Promise<void>;
}

export interface DatabaseKind {
  readonly name: 'sqlite' | 'postgres';
  start(): Promise<TestDatabases>;
}

export const databaseKinds: readonly DatabaseKind[] = [
  { name: 'sqlite', start: startSqlite },
  { name: 'postgres', start: async () => databasesOf(await startPostgres()) },
];

async function startSqlite(): Promise<TestDatabases> {
  const folder = await mkdtemp(path.join(tmpdir(), 'glyphmill-store-'));
  let count = 0;
  return {
    async newUrl() {
      count += 1;
      return `file:${folder}/${count}/ocr_data.db`;
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

function databasesOf(postgres: TestPostgres): TestDatabases {
  return { newUrl: () => postgres.createDatabase(), stop: () => postgres.stop() };
}

/** A clock that stands still until it is moved. */
export class TestClock {
  value = Date.parse('2030-01-01T00:00:00Z');
  readonly now = (): number => this.value;

  pass(ms: number): void {
    this.value += ms;
  }
}

export async function openStore(databaseUrl: string, now?: () => number): Promise<JobStore> {
  const store = createJobStore({ databaseUrl, migrate: 'auto', logger, ...(now && { now }) });
  await store.ready;
  return store;
}

let lastIdAt = 0;

/** A UUID v7 that sorts after all that were made in this process before. */
export function newId(): string {
  lastIdAt = Math.max(lastIdAt + 1, Date.now());
  const time = lastIdAt.toString(16).padStart(12, '0');
  const random = randomBytes(10).toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`;
}

export function newJob(changes: Partial<NewJob> = {}): NewJob {
  return {
    id: newId(),
    lane: 'bulk',
    priority: 100,
    source: { kind: 'url', url: 'https://images.example/card.png' },
    ...changes,
  };
}

export function pageOf(...texts: readonly string[]): FinishedPage {
  return {
    sha256: 'ab'.repeat(32),
    engineVersion: '1.2.3',
    result: {
      width: 640,
      height: 480,
      model: 'small',
      timings: { detect: 12.5, recognize: 30 },
      lines: texts.map((text, index) => ({
        text,
        confidence: 0.123456789,
        box: [
          [0, index],
          [9, index],
          [9, index + 1],
          [0, index + 1],
        ],
      })),
    },
  };
}

export const pageError = { code: 'download_failed', message: 'The server answered 503', retryable: true } as const;

export async function acceptOne(store: JobStore, changes: Partial<NewJob> = {}): Promise<NewJob> {
  const job = newJob(changes);
  await store.accept([job]);
  return job;
}

/** Throws unless the job could be had. */
export async function claimOne(
  store: JobStore,
  { id, generation = 0, leaseMs = 20_000 }: { id: string; generation?: number; leaseMs?: number },
): Promise<Claim> {
  const answer = await store.claim({ id, generation, workerId: 'worker-1', leaseMs });
  if (answer.kind !== 'claimed') throw new Error(`Not claimed: ${answer.kind}`);
  return answer.claim;
}

/** The path of a job's life from its acceptance to an end. */
export async function endOne(
  store: JobStore,
  { state, ...changes }: Partial<NewJob> & { readonly state: 'succeeded' | 'failed' | 'canceled' },
): Promise<NewJob> {
  const job = await acceptOne(store, changes);
  if (state === 'canceled') await store.cancel(job.id);
  else {
    const claim = await claimOne(store, job);
    if (state === 'succeeded') await store.finishSucceeded(claim, pageOf('Text'));
    else await store.finishFailed(claim, pageError);
  }
  return job;
}
