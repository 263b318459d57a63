import type { TestDatabase } from './test-database.ts';

/** A job as the database has it, and how often each part of it was written. */
export interface AuditedJob {
  readonly id: string;
  readonly key: string | null;
  readonly state: string;
  readonly errorCode: string | null;
  readonly attempts: number;
  readonly lines: readonly AuditedLine[];
  /** How often it was given a terminal state. */
  readonly timesEnded: number;
  /** How many lines were ever written for it. */
  readonly linesWritten: number;
}

export interface AuditedLine {
  readonly text: string;
  readonly confidence: number;
  readonly box: unknown;
}

const terminal = "('succeeded', 'failed', 'canceled')";

const installOnSqlite = `
  CREATE TABLE e2e_ends (job_seq INTEGER NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL);
  CREATE TABLE e2e_lines (job_seq INTEGER NOT NULL);
  CREATE TRIGGER e2e_note_end AFTER UPDATE OF state ON jobs WHEN NEW.state IN ${terminal}
    BEGIN INSERT INTO e2e_ends VALUES (NEW.seq, OLD.state, NEW.state); END;
  CREATE TRIGGER e2e_note_line AFTER INSERT ON lines
    BEGIN INSERT INTO e2e_lines VALUES (NEW.job_seq); END;
`;

const installOnPostgres = `
  CREATE TABLE e2e_ends (job_seq BIGINT NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL);
  CREATE TABLE e2e_lines (job_seq BIGINT NOT NULL);
  CREATE FUNCTION e2e_note_end() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO e2e_ends VALUES (NEW.seq, OLD.state, NEW.state); RETURN NULL; END $$;
  CREATE FUNCTION e2e_note_line() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO e2e_lines VALUES (NEW.job_seq); RETURN NULL; END $$;
  CREATE TRIGGER e2e_note_end AFTER UPDATE OF state ON jobs
    FOR EACH ROW WHEN (NEW.state IN ${terminal}) EXECUTE FUNCTION e2e_note_end();
  CREATE TRIGGER e2e_note_line AFTER INSERT ON lines
    FOR EACH ROW EXECUTE FUNCTION e2e_note_line();
`;

/**
 * Has the database itself write down, in the transaction of each change, which job was given a terminal state and which
 * lines were written: "stored once" is then a count of facts, not what the services say of themselves.
 */
export async function installAudit(database: TestDatabase): Promise<void> {
  await database.query(database.dialect === 'sqlite' ? installOnSqlite : installOnPostgres);
}

export async function countUnfinished(database: TestDatabase): Promise<number> {
  const [row] = await database.query<{ n: number | string }>(
    `SELECT count(*) AS n FROM jobs WHERE state NOT IN ${terminal}`,
  );
  return Number(row!.n);
}

export async function readJobs(database: TestDatabase): Promise<AuditedJob[]> {
  const jobs = await database.query<JobRow>(
    'SELECT seq, id, idempotency_key AS key, state, error_code AS error, attempts FROM jobs ORDER BY seq',
  );
  const lines = await database.query<LineRow>(
    'SELECT job_seq AS seq, text, confidence, box FROM lines ORDER BY job_seq, line_index',
  );
  const ended = await database.query<CountRow>('SELECT job_seq AS seq, count(*) AS n FROM e2e_ends GROUP BY job_seq');
  const written = await database.query<CountRow>(
    'SELECT job_seq AS seq, count(*) AS n FROM e2e_lines GROUP BY job_seq',
  );
  const linesOf = Map.groupBy(lines, ({ seq }) => Number(seq));
  const timesEnded = toCounts(ended);
  const linesWritten = toCounts(written);
  return jobs.map(({ seq, id, key, state, error, attempts }) => ({
    id,
    key,
    state,
    errorCode: error,
    attempts: Number(attempts),
    lines: (linesOf.get(Number(seq)) ?? []).map(toLine),
    timesEnded: timesEnded.get(Number(seq)) ?? 0,
    linesWritten: linesWritten.get(Number(seq)) ?? 0,
  }));
}

interface JobRow {
  readonly seq: number | string;
  readonly id: string;
  readonly key: string | null;
  readonly state: string;
  readonly error: string | null;
  readonly attempts: number | string;
}

interface LineRow {
  readonly seq: number | string;
  readonly text: string;
  readonly confidence: number;
  readonly box: unknown;
}

interface CountRow {
  readonly seq: number | string;
  readonly n: number | string;
}

function toCounts(rows: readonly CountRow[]): Map<number, number> {
  return new Map(rows.map(({ seq, n }) => [Number(seq), Number(n)]));
}

function toLine({ text, confidence, box }: LineRow): AuditedLine {
  return { text, confidence, box: typeof box === 'string' ? JSON.parse(box) : box };
}
