import pg from 'pg';
import type { Sql } from '../database.ts';
import { type SQL, statementOf } from '../statement.ts';
import { storableText } from '../stored-text.ts';
import { answerLimitMs } from './connections.ts';
import { describePostgresFailure, endsConnection } from './postgres-failure.ts';

/** Counts and times are bigint to Postgres, and all of ours are safe integers. */
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export async function described<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw describePostgresFailure(error);
  }
}

export interface Transaction<T> {
  /** What it is begun with, where that is not the ordinary. */
  readonly mode?: 'ISOLATION LEVEL REPEATABLE READ READ ONLY';
  readonly use: (sql: Sql) => Promise<T>;
  /** In place of the connection's. */
  readonly statementLimitMs?: number | undefined;
}

export async function inTransaction<T>(
  client: pg.PoolClient,
  { mode, use, statementLimitMs }: Transaction<T>,
): Promise<T> {
  const limit = statementLimitMs === undefined ? '' : `; SET LOCAL statement_timeout = ${statementLimitMs}`;
  await client.query(`BEGIN ${mode ?? ''}${limit}`);
  try {
    const value = await use(sqlOf(client, statementLimitMs));
    await client.query('COMMIT');
    return value;
  } catch (error) {
    // The connection's end rolls back as well.
    if (!endsConnection(error)) await client.query('ROLLBACK');
    throw error;
  }
}

export function sqlOf(client: pg.PoolClient, statementLimitMs?: number): Sql {
  const limit = statementLimitMs !== undefined && { query_timeout: answerLimitMs(statementLimitMs) };
  const query = async (given: SQL): Promise<pg.QueryResult> => {
    const { text, params } = statementOf(given, (position) => `$${position}`);
    const values = params.map((value) => (typeof value === 'string' ? storableText(value) : value));
    return client.query({ text, values, ...limit });
  };
  return {
    all: async <Row>(given: SQL) => (await query(given)).rows as Row[],
    run: async (given) => (await query(given)).rowCount ?? 0,
  };
}
