import { setTimeout as delay } from 'node:timers/promises';
import type { Database as Connection } from 'better-sqlite3';
import type { Sql } from '../database.ts';
import { lockTimeoutMs, retryLocked } from './lock-retry.ts';
import { isLocked, sqliteCodeOf } from './sqlite-failure.ts';

/** How long a write waits for others to share its commit, and with that its fsync. */
const gatherMs = 2;
/** No write of a group is begun after this time. */
const maxGroupMs = 15;

interface Write {
  readonly use: (sql: Sql) => Promise<unknown>;
  /** Until then it waits for the lock. */
  readonly until: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Outcome = { readonly write: Write } & ({ readonly value: unknown } | { readonly error: unknown });

/**
 * All writes of a connection. Those that arrive within a few milliseconds are committed together, each in a savepoint of
 * its own, so that one that fails takes nothing of the others with it. Answers are given after the commit only.
 */
export class WriteGroups {
  readonly #connection: Connection;
  readonly #sql: Sql;
  readonly #waiting: Write[] = [];
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;

  constructor(connection: Connection, sql: Sql) {
    this.#connection = connection;
    this.#sql = sql;
  }

  write<T>(use: (sql: Sql) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const until = performance.now() + lockTimeoutMs;
      this.#waiting.push({ use, until, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Writes that wait are still tried once. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  /** Never throws. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await delay(gatherMs);
      const first = this.#waiting[0];
      if (first === undefined) break;
      try {
        await this.#begin(first.until);
      } catch (error) {
        this.#rejectOverdue(error);
        continue;
      }
      await this.#commitGroup();
    }
    // In the same turn as the last look: a write that comes later has to start a run of its own.
    this.#running = undefined;
  }

  async #begin(until: number): Promise<void> {
    // Left open by a rollback that failed.
    if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK');
    await retryLocked(() => this.#connection.exec('BEGIN IMMEDIATE'), { until, signal: this.#closing.signal });
  }

  #rejectOverdue(error: unknown): void {
    const now = performance.now();
    const waits = (write: Write): boolean => isLocked(error) && !this.#closing.signal.aborted && write.until > now;
    for (const write of this.#waiting.splice(0)) {
      if (waits(write)) this.#waiting.push(write);
      else write.reject(error);
    }
  }

  async #commitGroup(): Promise<void> {
    const writes: Write[] = [];
    const end = performance.now() + maxGroupMs;
    const outcomes: Outcome[] = [];
    try {
      do {
        const write = this.#waiting.shift();
        if (write === undefined) break;
        writes.push(write);
        outcomes.push(await this.#runInSavepoint(write));
      } while (performance.now() < end);
      this.#connection.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      await this.#fail(writes, error);
      return;
    }
    for (const outcome of outcomes) settle(outcome);
  }

  /** Throws when SQLite gave up the whole transaction, as it does on a full disk. */
  async #runInSavepoint(write: Write): Promise<Outcome> {
    this.#connection.exec('SAVEPOINT one_write');
    try {
      const value = await write.use(this.#sql);
      this.#connection.exec('RELEASE one_write');
      return { write, value };
    } catch (error) {
      if (!this.#connection.inTransaction) throw error;
      this.#connection.exec('ROLLBACK TO one_write; RELEASE one_write');
      return { write, error };
    }
  }

  /** A large write may have been too much for what is left of the disk, while its neighbors still fit. */
  async #fail(writes: readonly Write[], error: unknown): Promise<void> {
    const isAlone = writes.length === 1;
    if (isAlone || sqliteCodeOf(error)?.startsWith('SQLITE_FULL') !== true) {
      for (const write of writes) write.reject(error);
      return;
    }
    for (const write of writes) {
      try {
        await this.#begin(write.until);
        const outcome = await this.#runInSavepoint(write);
        this.#connection.exec('COMMIT');
        settle(outcome);
      } catch (failure) {
        this.#rollBack();
        write.reject(failure);
      }
    }
  }

  /** A disk that fails may fail this, too: the writes are told of the first failure, and the next group tries again. */
  #rollBack(): void {
    try {
      if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK');
    } catch {
      // See #begin.
    }
  }
}

function settle(outcome: Outcome): void {
  if ('error' in outcome) outcome.write.reject(outcome.error);
  else outcome.write.resolve(outcome.value);
}
