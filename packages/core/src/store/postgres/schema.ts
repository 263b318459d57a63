import { sql } from 'drizzle-orm';
import {
  bigint,
  customType,
  doublePrecision,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';

/** The same tables as SQLite's: see ../sqlite/schema.ts, which says more about the columns. */
const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' });
/** Sorted by bytes, as SQLite and JavaScript do, whatever the database's language is. */
const identifier = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' });
const time = (name: string) => bigint(name, { mode: 'number' });

export const jobs = pgTable(
  'jobs',
  {
    seq: bigint('seq', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    id: identifier('id').notNull(),
    batchId: identifier('batch_id'),
    batchIndex: integer('batch_index'),
    lane: text('lane').notNull(),
    priority: integer('priority').notNull(),
    sourceKind: text('source_kind').notNull(),
    sourceUrl: text('source_url'),
    blobSha256: text('blob_sha256'),
    blobBytes: bigint('blob_bytes', { mode: 'number' }),
    blobName: text('blob_name'),
    idempotencyKey: text('idempotency_key'),
    idempotencyFingerprint: text('idempotency_fingerprint'),
    metadata: text('metadata'),
    callbackUrl: text('callback_url'),
    requestId: text('request_id'),
    state: text('state').notNull(),
    generation: integer('generation').notNull(),
    attempts: integer('attempts').notNull(),
    claimToken: text('claim_token'),
    workerId: text('worker_id'),
    leaseUntil: time('lease_until'),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    errorRetryable: integer('error_retryable'),
    sha256: text('sha256'),
    model: text('model'),
    engineVersion: text('engine_version'),
    width: integer('width'),
    height: integer('height'),
    timings: text('timings'),
    previewSha256: text('preview_sha256'),
    thumbnailSha256: text('thumbnail_sha256'),
    deadlineAt: time('deadline_at'),
    nextAttemptAt: time('next_attempt_at'),
    createdAt: time('created_at').notNull(),
    queuedAt: time('queued_at').notNull(),
    touchedAt: time('touched_at').notNull(),
    startedAt: time('started_at'),
    finishedAt: time('finished_at'),
  },
  (job) => [
    uniqueIndex('jobs_id').on(job.id),
    uniqueIndex('jobs_idempotency_key').on(job.idempotencyKey),
    index('jobs_batch').on(job.batchId, job.seq),
    index('jobs_state').on(job.state, job.seq),
    index('jobs_finished')
      .on(job.finishedAt)
      .where(sql`finished_at IS NOT NULL`),
    index('jobs_failed')
      .on(job.finishedAt, job.seq)
      .where(sql`state = 'failed'`),
    index('jobs_blob')
      .on(job.blobSha256)
      .where(sql`blob_sha256 IS NOT NULL`),
    index('jobs_preview')
      .on(job.previewSha256)
      .where(sql`preview_sha256 IS NOT NULL`),
    index('jobs_thumbnail')
      .on(job.thumbnailSha256)
      .where(sql`thumbnail_sha256 IS NOT NULL`),
    index('jobs_deadline')
      .on(job.deadlineAt)
      .where(sql`deadline_at IS NOT NULL AND finished_at IS NULL`),
    index('jobs_unfinished')
      .on(job.id, job.state, job.touchedAt, job.leaseUntil)
      .where(sql`finished_at IS NULL`),
    index('jobs_lane')
      .on(job.lane, job.priority, job.queuedAt, job.seq, job.nextAttemptAt)
      .where(sql`state = 'queued'`),
  ],
);

export const lines = pgTable(
  'lines',
  {
    jobSeq: bigint('job_seq', { mode: 'number' })
      .notNull()
      .references(() => jobs.seq, { onDelete: 'cascade' }),
    lineIndex: integer('line_index').notNull(),
    text: text('text').notNull(),
    confidence: doublePrecision('confidence').notNull(),
    box: text('box').notNull(),
    words: tsvector('words').notNull(),
  },
  (line) => [primaryKey({ columns: [line.jobSeq, line.lineIndex] }), index('lines_words').using('gin', line.words)],
);

export const outbox = pgTable(
  'outbox',
  {
    id: text('id').primaryKey(),
    jobSeq: bigint('job_seq', { mode: 'number' })
      .notNull()
      .references(() => jobs.seq, { onDelete: 'cascade' }),
    jobId: identifier('job_id').notNull(),
    url: text('url').notNull(),
    tries: integer('tries').notNull(),
    errorCode: text('error_code'),
    createdAt: time('created_at').notNull(),
    dueAt: time('due_at').notNull(),
    settledAt: time('settled_at'),
  },
  (event) => [
    index('outbox_job').on(event.jobSeq),
    index('outbox_due')
      .on(event.dueAt)
      .where(sql`settled_at IS NULL`),
  ],
);

export const leases = pgTable('leases', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  expiresAt: time('expires_at').notNull(),
});

export const inboxFiles = pgTable(
  'inbox_files',
  {
    path: identifier('path').primaryKey(),
    stamp: text('stamp').notNull(),
    bytes: bigint('bytes', { mode: 'number' }).notNull(),
    sha256: text('sha256'),
    jobId: identifier('job_id'),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    movedAt: time('moved_at'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (file) => [
    index('inbox_files_job')
      .on(file.jobId)
      .where(sql`job_id IS NOT NULL`),
    index('inbox_files_sha256')
      .on(file.sha256)
      .where(sql`sha256 IS NOT NULL`),
    index('inbox_files_error')
      .on(file.updatedAt, file.path)
      .where(sql`error_code IS NOT NULL`),
  ],
);
