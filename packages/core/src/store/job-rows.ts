import { type SQL, sql } from './statement.ts';
import type { ErrorCode, WireError } from '../errors.ts';
import type { JobResult, Lane } from '../queue/payload.ts';
import type { JobSource, JobState, JobSummary, JsonObject, PendingJob, StoredPictures } from './job-store.ts';

/** A job as both databases give it back. */
export interface JobRow {
  readonly seq: number;
  readonly id: string;
  readonly batch_id: string | null;
  readonly batch_index: number | null;
  readonly lane: Lane;
  readonly priority: number;
  readonly source_kind: 'url' | 'blob';
  readonly source_url: string | null;
  readonly blob_sha256: string | null;
  readonly blob_bytes: number | null;
  readonly blob_name: string | null;
  readonly metadata: string | null;
  readonly callback_url: string | null;
  readonly request_id: string | null;
  readonly state: JobState;
  readonly generation: number;
  readonly attempts: number;
  readonly error_code: ErrorCode | null;
  readonly error_message: string | null;
  readonly error_retryable: number | null;
  readonly sha256: string | null;
  readonly model: string | null;
  readonly engine_version: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly timings: string | null;
  readonly preview_sha256: string | null;
  readonly thumbnail_sha256: string | null;
  readonly deadline_at: number | null;
  readonly next_attempt_at: number | null;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
}

export const jobColumns: SQL = sql.raw(
  `seq, id, batch_id, batch_index, lane, priority, source_kind, source_url, blob_sha256, blob_bytes, blob_name, metadata,
  callback_url, request_id, state, generation, attempts, error_code, error_message, error_retryable, sha256, model,
  engine_version, width, height, timings, preview_sha256, thumbnail_sha256, deadline_at, next_attempt_at, created_at,
  started_at, finished_at`,
);

/** For a query that has a better index: the concatenation keeps SQLite from choosing that of the states. */
export function stateIn(states: readonly JobState[]): SQL {
  const values = states.map((state) => sql`${state}`);
  return sql`state || '' IN (${sql.join(values, sql`, `)})`;
}

export function summaryOf(row: JobRow): JobSummary {
  const batch = row.batch_id === null ? null : { id: row.batch_id, index: row.batch_index ?? 0 };
  const metadata = row.metadata === null ? null : (JSON.parse(row.metadata) as JsonObject);
  return {
    id: row.id,
    ...given('batch', batch),
    lane: row.lane,
    priority: row.priority,
    source: sourceOf(row),
    ...given('metadata', metadata),
    ...given('callbackUrl', row.callback_url),
    ...given('requestId', row.request_id),
    state: row.state,
    generation: row.generation,
    attempts: row.attempts,
    ...given('error', errorOf(row)),
    ...given('sha256', row.sha256),
    ...given('pictures', picturesOf(row)),
    ...given('model', row.model),
    ...given('engineVersion', row.engine_version),
    ...given('deadlineAt', row.deadline_at),
    ...given('nextAttemptAt', row.next_attempt_at),
    createdAt: row.created_at,
    ...given('startedAt', row.started_at),
    ...given('finishedAt', row.finished_at),
  };
}

export function pendingOf(row: JobRow): PendingJob {
  return {
    id: row.id,
    generation: row.generation,
    state: row.state === 'active' ? 'active' : 'queued',
    lane: row.lane,
    priority: row.priority,
    source: sourceOf(row),
    createdAt: row.created_at,
    ...given('nextAttemptAt', row.next_attempt_at),
    ...given('requestId', row.request_id),
  };
}

export interface LineOfJobRow {
  readonly text: string;
  readonly confidence: number;
  readonly box: string;
}

export function resultOf(row: JobRow, lines: readonly LineOfJobRow[]): JobResult {
  return {
    width: row.width ?? 0,
    height: row.height ?? 0,
    model: row.model ?? '',
    lines: lines.map(({ text, confidence, box }) => ({
      text,
      confidence,
      box: JSON.parse(box) as JobResult['lines'][number]['box'],
    })),
    timings: JSON.parse(row.timings ?? '{}') as JobResult['timings'],
  };
}

function sourceOf(row: JobRow): JobSource {
  if (row.source_kind === 'url') return { kind: 'url', url: row.source_url ?? '' };
  return {
    kind: 'blob',
    sha256: row.blob_sha256 ?? '',
    bytes: row.blob_bytes ?? 0,
    ...given('name', row.blob_name),
  };
}

function picturesOf({ preview_sha256, thumbnail_sha256 }: JobRow): StoredPictures | null {
  if (preview_sha256 === null || thumbnail_sha256 === null) return null;
  return { previewSha256: preview_sha256, thumbnailSha256: thumbnail_sha256 };
}

export function errorOf(row: Pick<JobRow, 'error_code' | 'error_message' | 'error_retryable'>): WireError | null {
  if (row.error_code === null) return null;
  return { code: row.error_code, message: row.error_message ?? '', retryable: row.error_retryable === 1 };
}

/** The databases say null where the port leaves a field out. */
export function given<Name extends string, Value>(name: Name, value: Value | null): { readonly [N in Name]?: Value } {
  return value === null ? {} : ({ [name]: value } as { readonly [N in Name]?: Value });
}
