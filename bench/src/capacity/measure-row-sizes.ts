import { randomBytes } from 'node:crypto';
import { createLogger } from '@glyphmill/core/logging';
import { createJobStore, type FinishedPage, type JobStore } from '@glyphmill/core/store';
import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import { readCpuSeconds } from '../proc-stat.ts';

const jobs = 10_000;
const bareJobs = 2_000;
const linesAPage = 20;
const wordsALine = 4;
const writers = 8;
const batchSize = 1000;

export interface RowSizes {
  /** Indexes included; without its lines. */
  readonly bytesPerJob: number;
  /** With the index that search uses. */
  readonly bytesPerLine: number;
  readonly walBytesPerJob: number;
  readonly walBytesPerLine: number;
  /** Of all the server's processes, for a job with its lines. */
  readonly cpuSecondsPerJob: number;
}

/** Fills a Postgres with pages of made-up words, as the services would, and asks it how large its tables are. */
export async function measureRowSizes(): Promise<RowSizes> {
  const postgres = await startPostgres();
  const logger = createLogger({ service: 'bench', level: 'silent' });
  const store = createJobStore({ databaseUrl: postgres.url, migrate: 'auto', logger });
  try {
    await store.ready;
    const bare = await walOf(postgres, () => fill(store, { count: bareJobs, lines: 0 }));
    const cpuBefore = await cpuSecondsOf(postgres);
    const full = await walOf(postgres, () => fill(store, { count: jobs, lines: linesAPage }));
    const cpuSecondsPerJob = ((await cpuSecondsOf(postgres)) - cpuBefore) / jobs;
    // A page that was read is two updates of its row: what they leave behind is reused in the long run.
    await postgres.query('VACUUM FULL jobs');
    const [row] = await postgres.query(
      `SELECT pg_total_relation_size('jobs') AS jobs, pg_total_relation_size('lines') AS lines`,
    );
    return {
      bytesPerJob: Number(row?.['jobs']) / (jobs + bareJobs),
      bytesPerLine: Number(row?.['lines']) / (jobs * linesAPage),
      walBytesPerJob: bare / bareJobs,
      walBytesPerLine: (full / jobs - bare / bareJobs) / linesAPage,
      cpuSecondsPerJob,
    };
  } finally {
    await store.close();
    await postgres.stop();
  }
}

async function walOf(postgres: TestPostgres, work: () => Promise<void>): Promise<number> {
  const position = async (): Promise<number> => {
    const [row] = await postgres.query(`SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS bytes`);
    return Number(row?.['bytes']);
  };
  const before = await position();
  await work();
  return (await position()) - before;
}

/** Sessions stay open as long as the store is, so that none takes its time along. */
async function cpuSecondsOf(postgres: TestPostgres): Promise<number> {
  const rows = await postgres.query('SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
  return rows.reduce((sum, { pid }) => sum + readCpuSeconds(Number(pid)).own, 0);
}

async function fill(
  store: JobStore,
  { count, lines }: { readonly count: number; readonly lines: number },
): Promise<void> {
  for (let from = 0; from < count; from += batchSize) {
    const batch = Array.from({ length: batchSize }, (_, index) => ({
      id: newId(),
      lane: 'bulk' as const,
      priority: 100,
      source: { kind: 'url' as const, url: `https://images.example.com/cards/2026/11/card-${from + index}.jpg` },
      metadata: { order: from + index },
    }));
    await store.accept(batch);
    const left = batch.values();
    const end = async (): Promise<void> => {
      // All writers take from the same jobs.
      for (const { id } of left) {
        const answer = await store.claim({ id, generation: 0, workerId: 'worker-5f6c7d8e9f-x2x4z', leaseMs: 20_000 });
        if (answer.kind !== 'claimed') throw new Error(`Not claimed: ${answer.kind}`);
        await store.finishSucceeded(answer.claim, page(lines));
      }
    };
    await Promise.all(Array.from({ length: writers }, end));
  }
}

function page(lines: number): FinishedPage {
  const hash = (): string => randomBytes(32).toString('hex');
  return {
    sha256: hash(),
    engineVersion: '0.1.0',
    pictures: { previewSha256: hash(), thumbnailSha256: hash() },
    result: {
      width: 1240,
      height: 1754,
      model: 'small',
      timings: { decode: 12.5, detect: 230.2, classify: 0, recognize: 904.1, draw: 61.3 },
      lines: Array.from({ length: lines }, (_, index) => ({
        text: Array.from({ length: wordsALine }, () => randomBytes(3).toString('hex')).join(' '),
        confidence: 0.9 + index / 1000,
        box: [
          [103, 40 + 80 * index],
          [1104, 42 + 80 * index],
          [1104, 88 + 80 * index],
          [103, 86 + 80 * index],
        ],
      })),
    },
  };
}

/** A UUID of version 7, as ids of jobs are: their order in time matters to the indexes. */
function newId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const random = randomBytes(10).toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`;
}
