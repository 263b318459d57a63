import type { Logger } from '../../logging.ts';
import type { OpenableDatabase, Sql, WriteOptions } from '../database.ts';
import { createConnections } from './connections.ts';
import { postgresDialect } from './postgres-dialect.ts';
import { isRolledBackForOthers, isTooSlow } from './postgres-failure.ts';
import { appliedMigrations, migratePostgres, postgresMigrations } from './postgres-migrations.ts';
import { ServerClock } from './server-clock.ts';
import { described, inTransaction, sqlOf } from './transaction.ts';

const transactionTries = 5;
const longStatementMs = 15_000;

export interface PostgresOptions {
  readonly url: string;
  readonly logger: Logger;
  /** In place of the server's clock. */
  readonly now: (() => number) | undefined;
}

export function createPostgresDatabase({ url, logger, now }: PostgresOptions): OpenableDatabase {
  const connections = createConnections({ url, logger });
  const clock = new ServerClock(connections);
  const transaction = <T>(use: (sql: Sql) => Promise<T>, statementLimitMs?: number): Promise<T> =>
    repeatedly(() => connections.use((client) => inTransaction(client, { use, statementLimitMs })));

  return {
    dialect: postgresDialect,
    now: now ?? (() => clock.now()),
    migrations: {
      known: postgresMigrations,
      applied: () => described(() => connections.use((client) => appliedMigrations(client))),
      migrate: () => described(() => migratePostgres(url)),
    },
    open: () => described(() => clock.measure()),
    read: (use) => described(() => connections.use((client) => use(sqlOf(client)))),
    write: (use, options) =>
      described(async () => {
        try {
          return await transaction(use);
        } catch (error) {
          if (!isTooSlow(error) || !mustGetThrough(options)) throw error;
          return transaction(use, longStatementMs);
        }
      }),
    close: () => connections.close(),
  };
}

function mustGetThrough(options: WriteOptions | undefined): boolean {
  return options?.whenTooSlow === 'try longer';
}

async function repeatedly<T>(transaction: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (!isRolledBackForOthers(error) || tries >= transactionTries) throw error;
    }
  }
}
