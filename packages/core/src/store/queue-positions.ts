import type { Database, Sql } from './database.ts';
import type { JobRow } from './job-rows.ts';
import { type SQL, sql } from './statement.ts';

type Place = Pick<JobRow, 'seq' | 'lane' | 'priority'> & { readonly queued_at: number };

interface Mark extends Place {
  /** Jobs of the bulk lane that run sooner. */
  readonly ahead: number;
  readonly countedAt: number;
}

/** Counting so many costs no more than looking the job up. */
const countedAtOnce = 1_000;
const markTtlMs = 1_000;

/**
 * Places in the lanes. To count a hundred thousand jobs takes a database ten milliseconds, so that a long count leaves a
 * mark, and for a second the jobs behind it are counted from there. The first thousand of a lane are always counted. The order is that of
 * the queue: by priority in the bulk lane, and then as they were queued, a retry at the time that it waits for.
 */
export class QueuePositions {
  readonly #database: Database;
  /** Of the bulk lane; at most one for every `countedAtOnce` queued jobs. */
  #marks: readonly Mark[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  positionOf(id: string): Promise<number | undefined> {
    return this.#database.read(async (db) => {
      const [job] = await db.all<Place>(
        sql`SELECT seq, lane, CASE lane WHEN 'bulk' THEN priority ELSE 0 END AS priority, queued_at
          FROM jobs WHERE id = ${id} AND state = 'queued'`,
      );
      if (job === undefined) return undefined;
      return (job.lane === 'bulk' ? await this.#countAhead(db, job) : await this.#countEarlier(db, job)) + 1;
    });
  }

  /** The interactive lane knows no priorities, and holds no more than callers wait for. */
  #countEarlier(db: Sql, { lane, seq, queued_at: at }: Place): Promise<number> {
    return this.#count(db, lane, [sql`(queued_at < ${at} OR queued_at = ${at} AND seq < ${seq})`]);
  }

  async #countAhead(db: Sql, job: Place): Promise<number> {
    const countedAt = performance.now();
    this.#marks = this.#marks.filter((mark) => mark.countedAt > countedAt - markTtlMs);
    const mark = this.#marks
      .filter((other) => compare(other, job) <= 0)
      .reduce<Mark | undefined>((last, other) => (last && compare(last, other) > 0 ? last : other), undefined);
    const more = await this.#count(db, job.lane, rangesBetween(mark, job));
    const ahead = (mark?.ahead ?? 0) + more;
    if (more >= countedAtOnce) {
      this.#marks = [...this.#marks, { ...job, ahead, countedAt: mark?.countedAt ?? countedAt }];
    }
    return ahead;
  }

  async #count(db: Sql, lane: Place['lane'], ranges: readonly SQL[]): Promise<number> {
    // Retries that wait for their time let others pass.
    const counts = ranges.map(
      (range) =>
        sql`(SELECT count(*) FROM jobs WHERE state = 'queued' AND lane = ${lane} AND ${range}
          AND (next_attempt_at IS NULL OR next_attempt_at <= ${this.#database.now()}))`,
    );
    const [counted] = await db.all<{ count: number }>(sql`SELECT ${sql.join(counts, sql` + `)} AS count`);
    return counted?.count ?? 0;
  }
}

/**
 * From the mark, itself included, or from the front, up to the job. Each range is one of the index: SQLite compares no
 * more than the first of several columns there.
 */
function rangesBetween(mark: Place | undefined, { priority, queued_at: at, seq }: Place): SQL[] {
  const sameTime = sql`priority = ${priority} AND queued_at = ${at}`;
  if (mark === undefined) {
    return [
      sql`priority < ${priority}`,
      sql`priority = ${priority} AND queued_at < ${at}`,
      sql`${sameTime} AND seq < ${seq}`,
    ];
  }
  if (mark.priority === priority && mark.queued_at === at)
    return [sql`${sameTime} AND seq >= ${mark.seq} AND seq < ${seq}`];
  const sinceMark = sql`priority = ${mark.priority} AND queued_at = ${mark.queued_at} AND seq >= ${mark.seq}`;
  const afterMark = sql`priority = ${mark.priority} AND queued_at > ${mark.queued_at}`;
  const before = sql`${sameTime} AND seq < ${seq}`;
  if (mark.priority === priority) return [sinceMark, sql`${afterMark} AND queued_at < ${at}`, before];
  return [
    sinceMark,
    afterMark,
    sql`priority > ${mark.priority} AND priority < ${priority}`,
    sql`priority = ${priority} AND queued_at < ${at}`,
    before,
  ];
}

function compare(a: Place, b: Place): number {
  return a.priority - b.priority || a.queued_at - b.queued_at || a.seq - b.seq;
}
