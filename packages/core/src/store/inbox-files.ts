import { sql } from './statement.ts';
import type { ErrorCode } from '../errors.ts';
import type { ColumnType, Database } from './database.ts';
import { type InboxCounts, type InboxFile, type JobState, jobStates, type JobStore } from './job-store.ts';
import { storableText } from './stored-text.ts';

const fileColumns = {
  path: 'text',
  stamp: 'text',
  bytes: 'integer',
  sha256: 'text',
  job_id: 'text',
  error_code: 'text',
  error_message: 'text',
} as const satisfies Record<string, ColumnType>;

interface FileRow {
  readonly path: string;
  readonly stamp: string;
  readonly bytes: number;
  readonly sha256: string | null;
  readonly job_id: string | null;
  readonly error_code: ErrorCode | null;
  readonly error_message: string | null;
  readonly moved_at: number | null;
  readonly updated_at: number;
}

/** What was moved lies elsewhere: that its path is vacant says nothing of it. */
const isWithoutText = sql`(error_code IS NOT NULL OR moved_at IS NULL
  AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = inbox_files.job_id AND jobs.state = 'failed'))`;

/** What the folder watcher keeps of the files that it saw. */
export function createInboxFiles(
  database: Database,
): Pick<
  JobStore,
  | 'inboxFiles'
  | 'recordInboxFiles'
  | 'markInboxFilesMoved'
  | 'unreadableInboxFiles'
  | 'forgetInboxFiles'
  | 'unfinishedInboxJobs'
  | 'countInboxFiles'
> {
  const listed = (paths: readonly string[]) =>
    database.dialect.rows(
      paths.map((path) => ({ path })),
      { path: 'text' },
    );
  return {
    async inboxFiles(paths) {
      if (paths.length === 0) return new Map();
      const rows = await database.read((db) =>
        db.all<FileRow>(
          sql`SELECT path, stamp, bytes, sha256, job_id, error_code, error_message, moved_at, updated_at
            FROM inbox_files WHERE path IN (SELECT path FROM ${listed(paths)} AS listed)`,
        ),
      );
      const found = new Map(rows.map((row) => [row.path, row]));
      return new Map(
        paths.flatMap((path) => {
          const row = found.get(storableText(path));
          return row === undefined ? [] : [[path, fileOf(row)]];
        }),
      );
    },

    recordInboxFiles: (files) => record(database, files),

    async markInboxFilesMoved(paths) {
      if (paths.length === 0) return;
      const now = database.now();
      await database.write((db) =>
        db.run(sql`UPDATE inbox_files SET moved_at = ${now}, updated_at = ${now}
          WHERE path IN (SELECT path FROM ${listed(paths)} AS listed)`),
      );
    },

    async unreadableInboxFiles({ after = '', limit }) {
      const rows = await database.read((db) =>
        db.all<{ path: string }>(
          sql`SELECT path FROM inbox_files WHERE ${isWithoutText} AND path > ${after} ORDER BY path LIMIT ${limit}`,
        ),
      );
      return rows.map(({ path }) => path);
    },

    async forgetInboxFiles(paths) {
      if (paths.length === 0) return;
      await database.write((db) =>
        db.run(sql`DELETE FROM inbox_files WHERE ${isWithoutText}
          AND path IN (SELECT path FROM ${listed(paths)} AS listed)`),
      );
    },

    async unfinishedInboxJobs(limit) {
      const rows = await database.read((db) =>
        db.all<{ id: string }>(
          sql`SELECT id FROM jobs WHERE finished_at IS NULL
            AND EXISTS (SELECT 1 FROM inbox_files WHERE job_id = jobs.id) LIMIT ${limit}`,
        ),
      );
      return rows.map(({ id }) => id);
    },

    countInboxFiles: () => count(database),
  };
}

type Records = Parameters<JobStore['recordInboxFiles']>[0];

async function record(database: Database, files: Records): Promise<void> {
  if (files.length === 0) return;
  const now = database.now();
  const rows = database.dialect.rows(
    files.map(({ path, stamp, bytes, sha256, jobId, error }) => ({
      path,
      stamp,
      bytes,
      sha256,
      job_id: jobId,
      error_code: error?.code,
      error_message: error?.message,
    })),
    fileColumns,
  );
  const names = sql.raw(Object.keys(fileColumns).join(', '));
  const changes = sql.raw(
    Object.keys(fileColumns)
      .map((name) => `${name} = excluded.${name}`)
      .join(', '),
  );
  await database.write((db) =>
    db.run(
      // In the order of their keys, two calls never deadlock. SQLite takes ON CONFLICT for a part of a join without WHERE.
      sql`INSERT INTO inbox_files (${names}, created_at, updated_at)
        SELECT ${names}, CAST(${now} AS bigint), CAST(${now} AS bigint) FROM ${rows} AS given WHERE true ORDER BY path
        ON CONFLICT (path) DO UPDATE SET ${changes}, moved_at = NULL, updated_at = excluded.updated_at`,
    ),
  );
}

async function count(database: Database): Promise<InboxCounts> {
  const rows = await database.read((db) =>
    db.all<{ state: JobState | null; is_unreadable: number; count: number }>(
      sql`SELECT jobs.state AS state, CASE WHEN inbox_files.error_code IS NULL THEN 0 ELSE 1 END AS is_unreadable,
          count(*) AS count
        FROM inbox_files LEFT JOIN jobs ON jobs.id = inbox_files.job_id GROUP BY 1, 2`,
    ),
  );
  const counts = { queued: 0, active: 0, succeeded: 0, failed: 0, canceled: 0, unreadable: 0 };
  for (const row of rows) {
    if (row.is_unreadable === 1) counts.unreadable += row.count;
    // Jobs that were deleted since are in no state.
    else if (row.state !== null && jobStates.includes(row.state)) counts[row.state] += row.count;
  }
  return counts;
}

function fileOf(row: FileRow): InboxFile {
  return {
    path: row.path,
    stamp: row.stamp,
    bytes: row.bytes,
    ...(row.sha256 !== null && { sha256: row.sha256 }),
    ...(row.job_id !== null && { jobId: row.job_id }),
    ...(row.error_code !== null && { error: { code: row.error_code, message: row.error_message ?? '' } }),
    ...(row.moved_at !== null && { movedAt: row.moved_at }),
    updatedAt: row.updated_at,
  };
}
