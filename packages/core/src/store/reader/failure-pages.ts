import type { ErrorCode } from '../../errors.ts';
import { given } from '../job-rows.ts';
import { type SQL, sql } from '../statement.ts';
import { fromFailedFiles, fromFailedJobs } from './current-failures.ts';
import { encodeFailurePlace, type FailurePlace, parseFailurePlace } from './failure-cursor.ts';
import type { OpenDatabase } from './readable-database.ts';
import type { FailurePage, FailureRow, PageQuery } from './result-reader.ts';
import { selectPaths, type SourceRow, sourcesOf } from './result-rows.ts';

const listedPaths = 5;

interface FailedJobRow extends SourceRow {
  readonly seq: number;
  readonly id: string;
  readonly attempts: number;
  readonly error_code: ErrorCode | null;
  readonly error_message: string | null;
  readonly error_retryable: number | null;
  readonly thumbnail_sha256: string | null;
  readonly created_at: number;
  readonly finished_at: number;
}

interface FailedFileRow {
  readonly path: string;
  readonly bytes: number;
  readonly error_code: ErrorCode;
  readonly error_message: string | null;
  readonly updated_at: number;
}

interface Failure {
  readonly place: FailurePlace;
  readonly row: FailureRow;
}

/** See ResultReader.failures. Two lists, each in the order of an index, are merged. */
export async function listFailures(database: OpenDatabase, { cursor, limit }: PageQuery): Promise<FailurePage> {
  const after = cursor === undefined ? undefined : parseFailurePlace(cursor);
  // One more than asked for tells whether there is another page.
  const count = limit + 1;
  const paths = selectPaths({ dialect: database.dialect, job: 'jobs', limit: listedPaths });
  const { jobs, files } = await database.read(async (db) => ({
    jobs: await db.all<FailedJobRow>(
      sql`SELECT seq, id, attempts, error_code, error_message, error_retryable, thumbnail_sha256, created_at, finished_at,
          source_kind, source_url, blob_name, ${paths}
        ${fromFailedJobs(database.dialect)} AND ${jobsAfter(after)} ORDER BY finished_at DESC, seq DESC LIMIT ${count}`,
    ),
    files: await db.all<FailedFileRow>(
      sql`SELECT path, bytes, error_code, error_message, updated_at
        ${fromFailedFiles} AND ${filesAfter(after)}
        ORDER BY updated_at DESC, path DESC LIMIT ${count}`,
    ),
  }));
  // The sort keeps the order of those with the same time: jobs first, each list in its own order.
  const failures = [...jobs.map(jobFailure), ...files.map(fileFailure)].toSorted(
    (one, other) => other.row.failedAt - one.row.failedAt,
  );
  const page = failures.slice(0, limit);
  const last = page.at(-1);
  return {
    rows: page.map(({ row }) => row),
    ...(last !== undefined && failures.length > page.length && { nextCursor: encodeFailurePlace(last.place) }),
  };
}

function jobsAfter(place: FailurePlace | undefined): SQL {
  if (place === undefined) return sql`true`;
  if (place.kind === 'file') return sql`finished_at < ${place.failedAt}`;
  return sql`(finished_at, seq) < (${place.failedAt}, ${place.seq})`;
}

function filesAfter(place: FailurePlace | undefined): SQL {
  if (place === undefined) return sql`true`;
  if (place.kind === 'job') return sql`updated_at <= ${place.failedAt}`;
  return sql`(updated_at, path) < (${place.failedAt}, ${place.path})`;
}

function jobFailure(row: FailedJobRow): Failure {
  return {
    place: { kind: 'job', failedAt: row.finished_at, seq: row.seq },
    row: {
      kind: 'job',
      failedAt: row.finished_at,
      id: row.id,
      ...sourcesOf(row),
      createdAt: row.created_at,
      attempts: row.attempts,
      error: {
        code: row.error_code ?? 'internal',
        message: row.error_message ?? '',
        retryable: row.error_retryable === 1,
      },
      ...given('thumbnailSha256', row.thumbnail_sha256),
    },
  };
}

function fileFailure(row: FailedFileRow): Failure {
  return {
    place: { kind: 'file', failedAt: row.updated_at, path: row.path },
    row: {
      kind: 'file',
      failedAt: row.updated_at,
      path: row.path,
      bytes: row.bytes,
      error: { code: row.error_code, message: row.error_message ?? '' },
    },
  };
}
