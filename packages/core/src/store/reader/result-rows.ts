import type { ErrorCode } from '../../errors.ts';
import { errorOf, given } from '../job-rows.ts';
import type { JobState } from '../job-store.ts';
import { type SQL, sql } from '../statement.ts';
import type { ReaderDialect } from './readable-database.ts';
import type { ResultRow } from './result-reader.ts';

const maxFirstLineCharacters = 200;
/** A file may lie in the inbox under any number of names. */
const listedPaths = 5;

export interface SourceRow {
  readonly source_kind: 'url' | 'blob';
  readonly source_url: string | null;
  readonly blob_name: string | null;
  /** JSON */
  readonly inbox_paths: string | null;
  readonly inbox_path_count: number;
  /** 1: the upload's name is one of the paths. */
  readonly is_path_of_inbox: number;
}

export interface ResultRowRow extends SourceRow {
  readonly seq: number;
  readonly id: string;
  readonly state: JobState;
  readonly attempts: number;
  readonly error_code: ErrorCode | null;
  readonly error_message: string | null;
  readonly error_retryable: number | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly thumbnail_sha256: string | null;
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly line_count: number | null;
  readonly mean_confidence: number | null;
  readonly min_confidence: number | null;
  readonly line_0: string | null;
  readonly line_1: string | null;
  readonly line_2: string | null;
}

/** What rowOf needs; `jobs` is a condition on jobs with an order and a limit. Newest first. */
export function selectRows(dialect: ReaderDialect, jobs: SQL): SQL {
  return sql`WITH page AS MATERIALIZED (
      SELECT seq, id, state, attempts, source_kind, source_url, blob_name, error_code, error_message, error_retryable,
        width, height, thumbnail_sha256, created_at, finished_at FROM jobs WHERE ${jobs}),
    texts AS (
      SELECT job_seq, count(*) AS line_count, avg(confidence) AS mean_confidence, min(confidence) AS min_confidence,
        ${firstLine(0)}, ${firstLine(1)}, ${firstLine(2)}
      FROM lines WHERE job_seq IN (SELECT seq FROM page) GROUP BY job_seq)
    SELECT page.*, line_count, mean_confidence, min_confidence, line_0, line_1, line_2,
      ${selectPaths({ dialect, job: 'page', limit: listedPaths })}
    FROM page LEFT JOIN texts ON job_seq = seq ORDER BY seq DESC`;
}

function firstLine(index: number): SQL {
  const name = sql.raw(`line_${index}`);
  return sql`max(CASE line_index WHEN ${sql.raw(String(index))}
    THEN substr(text, 1, ${sql.raw(String(maxFirstLineCharacters))}) END) AS ${name}`;
}

/** The columns of a SourceRow that come from the inbox. `job` is what the row of the job is called. */
export function selectPaths({
  dialect,
  job,
  limit,
}: {
  readonly dialect: ReaderDialect;
  readonly job: string;
  readonly limit: number;
}): SQL {
  const id = sql.raw(`${job}.id`);
  const name = sql.raw(`${job}.blob_name`);
  return sql`(SELECT ${dialect.jsonArray(sql`path`)} FROM (
        SELECT path FROM inbox_files WHERE job_id = ${id} ORDER BY path LIMIT ${sql.raw(String(limit))}) AS first_paths
      ) AS inbox_paths,
      (SELECT count(*) FROM inbox_files WHERE job_id = ${id}) AS inbox_path_count,
      (SELECT count(*) FROM inbox_files WHERE job_id = ${id} AND path = ${name}) AS is_path_of_inbox`;
}

export function rowOf(row: ResultRowRow): ResultRow {
  const firstLines = [row.line_0, row.line_1, row.line_2].filter((text) => text !== null);
  return {
    id: row.id,
    state: row.state,
    ...sourcesOf(row),
    createdAt: row.created_at,
    ...given('finishedAt', row.finished_at),
    attempts: row.attempts,
    ...given('error', errorOf(row)),
    ...given('width', row.width),
    ...given('height', row.height),
    lineCount: row.line_count ?? 0,
    ...given('meanConfidence', row.mean_confidence),
    ...given('minConfidence', row.min_confidence),
    firstLines,
    ...given('thumbnailSha256', row.thumbnail_sha256),
  };
}

export function sourcesOf(row: SourceRow): Pick<ResultRow, 'sources' | 'sourceCount'> {
  const own = row.source_kind === 'url' ? bareUrl(row.source_url ?? '') : row.blob_name;
  const paths = JSON.parse(row.inbox_paths ?? '[]') as string[];
  const sources = [...new Set(own === null ? paths : [own, ...paths])];
  const ownCount = own === null || row.is_path_of_inbox > 0 ? 0 : 1;
  return { sources, sourceCount: row.inbox_path_count + ownCount };
}

/** What may be shown of a URL: credentials, query and fragment may hold secrets. */
function bareUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) return '';
  return url.origin === 'null' ? url.protocol : `${url.origin}${url.pathname}`;
}
