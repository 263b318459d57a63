import type { Logger } from '../../logging.ts';
import { databaseKindOf } from '../database-kind.ts';
import { deferredPort } from '../deferred-port.ts';
import { createDatabaseThread } from '../sqlite/database-thread.ts';
import { type ReaderMethod, readerMethods } from './reader-methods.ts';
import type { ResultReader } from './result-reader.ts';

export interface ResultReaderOptions {
  /** `file:PATH` (SQLite) or `postgres://…`, there best with a role that may only read: docs/store.md. */
  readonly databaseUrl: string;
  readonly logger: Logger;
  /** Milliseconds since the epoch; for tests. */
  readonly now?: () => number;
}

/**
 * Opens in the background, and waits for a database that is not there yet; until then everything throws
 * `store_unavailable`. Of the two implementations only the one that is needed is loaded.
 */
export function createResultReader({ databaseUrl: url, logger, now }: ResultReaderOptions): ResultReader {
  if (databaseKindOf(url) === 'sqlite') {
    const program = new URL('../sqlite/sqlite-reader-program.ts', import.meta.url);
    return createDatabaseThread<ResultReader, ReaderMethod>(readerMethods, {
      program,
      url,
      migrate: 'never',
      logger,
      now,
    });
  }
  return deferredPort<ResultReader, ReaderMethod>(readerMethods, async () => {
    const [{ assembleResultReader }, { createPostgresReader }] = await Promise.all([
      import('./assemble-result-reader.ts'),
      import('../postgres/postgres-reader.ts'),
    ]);
    return assembleResultReader(createPostgresReader({ url, logger, now }), { logger });
  });
}
