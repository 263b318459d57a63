import { sql } from './statement.ts';
import { OcrError } from '../errors.ts';
import type { ColumnType, Database, Sql } from './database.ts';
import type { AcceptedJob, JobState, NewJob } from './job-store.ts';
import { storableText } from './stored-text.ts';

const newJobColumns = {
  id: 'text',
  batch_id: 'text',
  batch_index: 'integer',
  lane: 'text',
  priority: 'integer',
  source_kind: 'text',
  source_url: 'text',
  blob_sha256: 'text',
  blob_bytes: 'integer',
  blob_name: 'text',
  idempotency_key: 'text',
  idempotency_fingerprint: 'text',
  metadata: 'text',
  callback_url: 'text',
  request_id: 'text',
  deadline_at: 'integer',
} as const satisfies Record<string, ColumnType>;

interface KnownRow {
  readonly id: string;
  readonly state: JobState;
  readonly batch_id: string | null;
  readonly source_url: string | null;
  readonly blob_sha256: string | null;
  readonly idempotency_key: string | null;
  readonly idempotency_fingerprint: string | null;
}

/** See JobStore.accept. */
export async function acceptJobs(database: Database, jobs: readonly NewJob[]): Promise<AcceptedJob[]> {
  if (jobs.length === 0) return [];
  const rows = database.dialect.rows(jobs.map(rowOf), newJobColumns);
  const insert = database.dialect.insertJobs({ rows, columns: Object.keys(newJobColumns), now: database.now() });
  return database.write(async (db) => {
    // Waits, on Postgres, for whoever is making a job under the same key just now.
    const made = await db.all<{ id: string }>(insert);
    const madeIds = new Set(made.map(({ id }) => id));
    if (madeIds.size === jobs.length) return jobs.map((job) => answerOf(job));
    const known = await findKnown(db, { database, jobs: jobs.filter(({ id }) => !madeIds.has(id)) });
    return matchKnown(jobs, { madeIds, known });
  });
}

function rowOf(job: NewJob): object {
  const { source } = job;
  return {
    id: job.id,
    batch_id: job.batch?.id,
    batch_index: job.batch?.index,
    lane: job.lane,
    priority: job.priority,
    source_kind: source.kind,
    ...(source.kind === 'url'
      ? { source_url: source.url }
      : { blob_sha256: source.sha256, blob_bytes: source.bytes, blob_name: source.name }),
    idempotency_key: job.idempotency?.key,
    idempotency_fingerprint: job.idempotency?.fingerprint,
    metadata: job.metadata === undefined ? undefined : JSON.stringify(job.metadata),
    callback_url: job.callbackUrl,
    request_id: job.requestId,
    deadline_at: job.deadlineAt,
  };
}

function answerOf(job: NewJob): AcceptedJob {
  return { id: job.id, state: 'queued', created: true, ...(job.batch && { batchId: job.batch.id }) };
}

interface Known {
  readonly byKey: ReadonlyMap<string, KnownRow>;
  readonly byId: ReadonlyMap<string, KnownRow>;
}

async function findKnown(
  db: Sql,
  { database, jobs }: { readonly database: Database; readonly jobs: readonly NewJob[] },
): Promise<Known> {
  const columns = sql.raw('id, state, batch_id, source_url, blob_sha256, idempotency_key, idempotency_fingerprint');
  const wanted = database.dialect.rows(
    jobs.map(({ id, idempotency }) => ({ id, key: idempotency?.key })),
    { id: 'text', key: 'text' },
  );
  const rows = await db.all<KnownRow>(
    sql`SELECT ${columns} FROM jobs WHERE id IN (SELECT id FROM ${wanted} AS wanted)
      UNION SELECT ${columns} FROM jobs WHERE idempotency_key IN (SELECT key FROM ${wanted} AS wanted)`,
  );
  return {
    byId: new Map(rows.map((row) => [row.id, row])),
    byKey: new Map(rows.flatMap((row) => (row.idempotency_key === null ? [] : [[row.idempotency_key, row]]))),
  };
}

function matchKnown(
  jobs: readonly NewJob[],
  { madeIds, known }: { readonly madeIds: ReadonlySet<string>; readonly known: Known },
): AcceptedJob[] {
  const violations: { pointer: string; detail: string }[] = [];
  const answers = jobs.map((job, index): AcceptedJob => {
    if (madeIds.has(job.id)) return answerOf(job);
    const key = job.idempotency && storableText(job.idempotency.key);
    const row = (key === undefined ? undefined : known.byKey.get(key)) ?? known.byId.get(job.id);
    // Whoever had the key was deleted between the two statements: the same request succeeds when it is tried again.
    if (row === undefined) throw new OcrError('store_unavailable', 'The job store is busy');
    if (row.idempotency_fingerprint !== (job.idempotency ? storableText(job.idempotency.fingerprint) : null)) {
      violations.push({ pointer: `/images/${index}`, detail: 'This idempotency key was used for another request' });
    }
    // Of a call whose caller never learned that it had succeeded.
    const created = row.id === job.id;
    if (created && !hasSourceOf(row, job)) throw new OcrError('internal', 'The id of this job is taken');
    return {
      id: row.id,
      state: row.state,
      created,
      ...(row.batch_id !== null && { batchId: row.batch_id }),
    };
  });
  if (violations.length === 0) return answers;
  throw new OcrError('idempotency_conflict', 'The idempotency key was used for another request', { violations });
}

function hasSourceOf(row: KnownRow, { source }: NewJob): boolean {
  return source.kind === 'url' ? row.source_url === storableText(source.url) : row.blob_sha256 === source.sha256;
}

/** See JobStore.knownKeys. */
export async function knownKeys(database: Database, keys: readonly string[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const wanted = database.dialect.rows(
    keys.map((key) => ({ key })),
    { key: 'text' },
  );
  const rows = await database.read((db) =>
    db.all<{ idempotency_key: string }>(
      sql`SELECT idempotency_key FROM jobs WHERE idempotency_key IN (SELECT key FROM ${wanted} AS wanted)`,
    ),
  );
  const stored = new Set(rows.map((row) => row.idempotency_key));
  return new Set(keys.filter((key) => stored.has(storableText(key))));
}
