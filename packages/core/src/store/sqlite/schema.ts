import { sql } from 'drizzle-orm';
import { index, integer, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

/**
 * What `drizzle-kit generate` makes the migrations of; the queries themselves are written in SQL (see ../database.ts), the
 * same for both databases. Times are milliseconds since the epoch. The words of the lines lie in `line_words`, an FTS5
 * table, which Drizzle cannot describe: see the migration `line_words`.
 */
export const jobs = sqliteTable(
  'jobs',
  {
    /** In the order of acceptance; never used again. */
    seq: integer('seq').primaryKey({ autoIncrement: true }),
    id: text('id').notNull(),
    batchId: text('batch_id'),
    batchIndex: integer('batch_index'),
    lane: text('lane').notNull(),
    priority: integer('priority').notNull(),
    sourceKind: text('source_kind').notNull(),
    sourceUrl: text('source_url'),
    blobSha256: text('blob_sha256'),
    blobBytes: integer('blob_bytes'),
    blobName: text('blob_name'),
    idempotencyKey: text('idempotency_key'),
    idempotencyFingerprint: text('idempotency_fingerprint'),
    /** JSON */
    metadata: text('metadata'),
    callbackUrl: text('callback_url'),
    requestId: text('request_id'),
    state: text('state').notNull(),
    generation: integer('generation').notNull(),
    attempts: integer('attempts').notNull(),
    claimToken: text('claim_token'),
    workerId: text('worker_id'),
    leaseUntil: integer('lease_until'),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    /** 0 or 1 */
    errorRetryable: integer('error_retryable'),
    sha256: text('sha256'),
    model: text('model'),
    engineVersion: text('engine_version'),
    width: integer('width'),
    height: integer('height'),
    /** JSON */
    timings: text('timings'),
    /** Blobs: the picture as the page shows it, large and small. */
    previewSha256: text('preview_sha256'),
    thumbnailSha256: text('thumbnail_sha256'),
    deadlineAt: integer('deadline_at'),
    nextAttemptAt: integer('next_attempt_at'),
    createdAt: integer('created_at').notNull(),
    /** Its place among those of its priority: when it was queued last, or is to be tried again. */
    queuedAt: integer('queued_at').notNull(),
    /** The last change but for renewals of the lease. */
    touchedAt: integer('touched_at').notNull(),
    startedAt: integer('started_at'),
    finishedAt: integer('finished_at'),
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

export const lines = sqliteTable(
  'lines',
  {
    /** Made of the job's `seq` and the index, so that newer jobs sort last: see line-words.ts. */
    id: integer('id').primaryKey(),
    jobSeq: integer('job_seq')
      .notNull()
      .references(() => jobs.seq, { onDelete: 'cascade' }),
    lineIndex: integer('line_index').notNull(),
    text: text('text').notNull(),
    confidence: real('confidence').notNull(),
    /** JSON: four corners */
    box: text('box').notNull(),
  },
  (line) => [uniqueIndex('lines_job').on(line.jobSeq, line.lineIndex)],
);

export const outbox = sqliteTable(
  'outbox',
  {
    id: text('id').primaryKey(),
    jobSeq: integer('job_seq')
      .notNull()
      .references(() => jobs.seq, { onDelete: 'cascade' }),
    jobId: text('job_id').notNull(),
    url: text('url').notNull(),
    tries: integer('tries').notNull(),
    /** Why the last try failed. */
    errorCode: text('error_code'),
    createdAt: integer('created_at').notNull(),
    dueAt: integer('due_at').notNull(),
    /** Delivered or given up. */
    settledAt: integer('settled_at'),
  },
  (event) => [
    index('outbox_job').on(event.jobSeq),
    index('outbox_due')
      .on(event.dueAt)
      .where(sql`settled_at IS NULL`),
  ],
);

export const leases = sqliteTable('leases', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  expiresAt: integer('expires_at').notNull(),
});

/** What became of each file that was seen in the inbox. Files with the same bytes have the same job. */
export const inboxFiles = sqliteTable(
  'inbox_files',
  {
    /** Within the inbox, with `/` between folders. */
    path: text('path').primaryKey(),
    /** Size and times as the file system tells them: a file with another stamp is looked at again. */
    stamp: text('stamp').notNull(),
    bytes: integer('bytes').notNull(),
    sha256: text('sha256'),
    jobId: text('job_id'),
    /** Why no job could be made of it. */
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    /** When it was moved out of the inbox, where it is. */
    movedAt: integer('moved_at'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
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
