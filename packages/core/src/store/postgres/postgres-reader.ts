import type { Logger } from '../../logging.ts';
import { OcrError } from '../../errors.ts';
import { missingMigrations } from '../migrations.ts';
import type { Looking, ReadableDatabase } from '../reader/readable-database.ts';
import { sql } from '../statement.ts';
import { createConnections } from './connections.ts';
import { appliedMigrations, postgresMigrations } from './postgres-migrations.ts';
import { postgresReaderDialect } from './postgres-reader-dialect.ts';
import { ServerClock } from './server-clock.ts';
import { described, inTransaction } from './transaction.ts';

export interface PostgresReaderOptions {
  readonly url: string;
  readonly logger: Logger;
  /** In place of the server's clock. */
  readonly now: (() => number) | undefined;
}

/** Its sessions are read-only ones, and so is each transaction, whatever stands between them and the server. */
export function createPostgresReader({ url, logger, now }: PostgresReaderOptions): ReadableDatabase {
  const connections = createConnections({ url, logger, access: 'read' });
  const clock = new ServerClock(connections);
  const read = <T>(use: (db: Looking) => Promise<T>): Promise<T> =>
    described(() =>
      connections.use((client) => inTransaction(client, { mode: 'ISOLATION LEVEL REPEATABLE READ READ ONLY', use })),
    );
  const ask = async <Value>(expression: string): Promise<Value | undefined> => {
    const [row] = await read((db) => db.all<{ value: Value }>(sql`SELECT ${sql.raw(expression)} AS value`));
    return row?.value;
  };
  return {
    dialect: postgresReaderDialect,
    now: now ?? (() => clock.now()),
    read,
    // Which transactions are over.
    version: async () => (await ask<string>('CAST(pg_current_snapshot() AS text)')) ?? '',
    sizeBytes: async () => (await ask<number>('pg_database_size(current_database())')) ?? 0,
    async open() {
      await described(() => clock.measure());
      const applied = await described(() => connections.use((client) => appliedMigrations(client)));
      const missing = missingMigrations(postgresMigrations, applied);
      if (missing.length === 0) return;
      throw new OcrError('store_unavailable', 'The results cannot be read yet', {
        cause: new Error(
          `${missing.length} migrations are missing; a service that writes brings the schema up to date`,
        ),
      });
    },
    close: () => connections.close(),
  };
}
