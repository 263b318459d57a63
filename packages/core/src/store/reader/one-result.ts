import { given, type JobRow, jobColumns, type LineOfJobRow, resultOf, summaryOf } from '../job-rows.ts';
import { sql } from '../statement.ts';
import type { OpenDatabase } from './readable-database.ts';
import type { Pictures, ResultRecord } from './result-reader.ts';
import { selectPaths, type SourceRow, sourcesOf } from './result-rows.ts';

const listedPaths = 1_000;

/** See ResultReader.result. */
export async function findResult(database: OpenDatabase, id: string): Promise<ResultRecord | undefined> {
  const paths = selectPaths({ dialect: database.dialect, job: 'jobs', limit: listedPaths });
  return database.read(async (db) => {
    const [row] = await db.all<JobRow & SourceRow>(sql`SELECT ${jobColumns}, ${paths} FROM jobs WHERE id = ${id}`);
    if (row === undefined) return undefined;
    const record = recordOf(row);
    if (row.state !== 'succeeded') return record;
    const lines = await db.all<LineOfJobRow>(
      sql`SELECT text, confidence, box FROM lines WHERE job_seq = ${row.seq} ORDER BY line_index`,
    );
    return { ...record, result: resultOf(row, lines) };
  });
}

/** See ResultReader.picturesOf. */
export async function findPictures(database: OpenDatabase, id: string): Promise<Pictures | undefined> {
  const [row] = await database.read((db) =>
    db.all<Pick<JobRow, 'preview_sha256' | 'thumbnail_sha256'>>(
      sql`SELECT preview_sha256, thumbnail_sha256 FROM jobs WHERE id = ${id}`,
    ),
  );
  return row && picturesOf(row);
}

function picturesOf(row: Pick<JobRow, 'preview_sha256' | 'thumbnail_sha256'>): Pictures {
  return { ...given('previewSha256', row.preview_sha256), ...given('thumbnailSha256', row.thumbnail_sha256) };
}

/** What a page may show: neither URLs with their secrets, nor what the sender wrote for itself. */
function recordOf(row: JobRow & SourceRow): ResultRecord {
  const { id, state, createdAt, startedAt, finishedAt, nextAttemptAt, attempts, error, sha256, engineVersion } =
    summaryOf(row);
  return {
    id,
    state,
    ...given('batchId', row.batch_id),
    ...sourcesOf(row),
    createdAt,
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    ...(nextAttemptAt !== undefined && { nextAttemptAt }),
    attempts,
    ...(error && { error }),
    ...(sha256 !== undefined && { sha256 }),
    ...(engineVersion !== undefined && { engineVersion }),
    ...picturesOf(row),
  };
}
