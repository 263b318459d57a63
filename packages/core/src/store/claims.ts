import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type SQL, sql } from './statement.ts';
import type { WireError } from '../errors.ts';
import type { Database, LineRow, Sql } from './database.ts';
import { type JobRow, jobColumns, summaryOf } from './job-rows.ts';
import type { Claim, ClaimAnswer, FinishedPage, JobState, JobStore } from './job-store.ts';
import { foldWords } from './line-words.ts';
import { announceEnd } from './outbox.ts';
import { storableText } from './stored-text.ts';

/** A long page is prepared and stored in pieces; between them others get their turn. */
const linesAtOnce = 500;

/** What a worker does with jobs, from its claim to their end. */
export function createClaims(
  database: Database,
): Pick<JobStore, 'claim' | 'renewLeases' | 'finishSucceeded' | 'finishFailed' | 'release' | 'requeue'> {
  return {
    claim: (request) => claim(database, request),
    renewLeases: (claims, leaseMs) => renewLeases(database, { claims, leaseMs }),
    finishSucceeded: (held, page) => finishSucceeded(database, { claim: held, page }),
    finishFailed: (held, error) => finishFailed(database, { claim: held, error }),
    async release(held) {
      const changes = sql`state = 'queued', attempts = attempts - 1, ${withoutClaim}, touched_at = ${database.now()}`;
      const released = await database.write((db) => changeClaimed(db, { claim: held, changes }));
      return released !== undefined;
    },
    async requeue(held, { error, nextAttemptAt }) {
      const changes = sql`state = 'queued', generation = generation + 1,
        next_attempt_at = ${nextAttemptAt}, queued_at = ${nextAttemptAt},
        ${errorColumns(error)}, ${withoutClaim}, touched_at = ${database.now()}`;
      const queued = await database.write((db) => changeClaimed(db, { claim: held, changes }));
      return queued?.generation;
    },
  };
}

export const withoutClaim: SQL = sql`claim_token = NULL, worker_id = NULL, lease_until = NULL`;

export function errorColumns(error: WireError): SQL {
  return sql`error_code = ${error.code}, error_message = ${storableText(error.message)},
    error_retryable = ${error.retryable ? 1 : 0}`;
}

async function claim(database: Database, request: Parameters<JobStore['claim']>[0]): Promise<ClaimAnswer> {
  const { id, generation, workerId, leaseMs } = request;
  const token = randomUUID();
  const now = database.now();
  return database.write(async (db) => {
    // A run that was lost before took its attempt with it: the row is still active then.
    const [claimed] = await db.all<JobRow>(
      sql`UPDATE jobs SET state = 'active', attempts = attempts + CASE WHEN state = 'queued' THEN 1 ELSE 0 END,
          claim_token = ${token}, worker_id = ${workerId}, lease_until = ${now + leaseMs}, next_attempt_at = NULL,
          started_at = ${now}, touched_at = ${now}
        WHERE id = ${id} AND generation = ${generation} AND state IN ('queued', 'active')
        RETURNING ${jobColumns}`,
    );
    if (claimed !== undefined) return { kind: 'claimed', claim: { id, generation, token }, job: summaryOf(claimed) };
    const [found] = await db.all<{ state: JobState }>(sql`SELECT state FROM jobs WHERE id = ${id}`);
    if (found === undefined) return { kind: 'unknown' };
    if (found.state === 'queued' || found.state === 'active') return { kind: 'superseded' };
    return { kind: 'ended', state: found.state };
  });
}

async function renewLeases(
  database: Database,
  { claims, leaseMs }: { readonly claims: readonly Claim[]; readonly leaseMs: number },
): Promise<Claim[]> {
  if (claims.length === 0) return [];
  const held = database.dialect.rows(claims, { id: 'text', token: 'text' });
  const renewed = await database.write((db) =>
    db.all<{ claim_token: string }>(
      sql`UPDATE jobs SET lease_until = ${database.now() + leaseMs}
        WHERE state = 'active' AND (id, claim_token) IN (SELECT id, token FROM ${held} AS held)
        RETURNING claim_token`,
    ),
  );
  const tokens = new Set(renewed.map((row) => row.claim_token));
  return claims.filter(({ token }) => !tokens.has(token));
}

/** Undefined: the claim no longer holds, and nothing was changed. */
async function changeClaimed(
  db: Sql,
  { claim: held, changes }: { readonly claim: Claim; readonly changes: SQL },
): Promise<JobRow | undefined> {
  const [row] = await db.all<JobRow>(
    sql`UPDATE jobs SET ${changes}
      WHERE id = ${held.id} AND generation = ${held.generation} AND claim_token = ${held.token} AND state = 'active'
      RETURNING ${jobColumns}`,
  );
  return row;
}

async function finishSucceeded(
  database: Database,
  { claim: held, page }: { readonly claim: Claim; readonly page: FinishedPage },
): Promise<boolean> {
  const { result, sha256, engineVersion, pictures } = page;
  const now = database.now();
  const pieces = await foldLines(result.lines);
  const changes = sql`state = 'succeeded', sha256 = ${sha256}, model = ${result.model}, engine_version = ${engineVersion},
    width = ${result.width}, height = ${result.height}, timings = ${JSON.stringify(result.timings)},
    preview_sha256 = ${pictures?.previewSha256 ?? null}, thumbnail_sha256 = ${pictures?.thumbnailSha256 ?? null},
    error_code = NULL, error_message = NULL, error_retryable = NULL, ${withoutClaim},
    touched_at = ${now}, finished_at = ${now}`;
  const store = async (db: Sql): Promise<boolean> => {
    const job = await changeClaimed(db, { claim: held, changes });
    if (job === undefined) return false;
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await nextTurn();
      for (const insert of database.dialect.insertLines(job.seq, piece)) await db.run(insert);
    }
    await announceEnd(db, { job, at: now });
    return true;
  };
  return database.write(store, { whenTooSlow: 'try longer' });
}

type Lines = FinishedPage['result']['lines'];

async function foldLines(lines: Lines): Promise<LineRow[][]> {
  const pieces: LineRow[][] = [];
  for (let start = 0; start < lines.length; start += linesAtOnce) {
    if (start > 0) await nextTurn();
    pieces.push(lines.slice(start, start + linesAtOnce).map((line, index) => lineRowOf(line, start + index)));
  }
  return pieces;
}

function lineRowOf(line: Lines[number], index: number): LineRow {
  return {
    line_index: index,
    text: line.text,
    confidence: line.confidence,
    box: JSON.stringify(line.box),
    words: foldWords(line.text).join(' '),
  };
}

async function finishFailed(
  database: Database,
  { claim: held, error }: { readonly claim: Claim; readonly error: WireError },
): Promise<boolean> {
  const now = database.now();
  const changes = sql`state = 'failed', ${errorColumns(error)}, ${withoutClaim}, touched_at = ${now}, finished_at = ${now}`;
  return database.write(async (db) => {
    const job = await changeClaimed(db, { claim: held, changes });
    if (job === undefined) return false;
    await announceEnd(db, { job, at: now });
    return true;
  });
}
