import { openInBackground } from '../open-in-background.ts';
import { openPatiently, type StoreLog } from '../open-store.ts';
import { listFailures } from './failure-pages.ts';
import { findPictures, findResult } from './one-result.ts';
import type { OpenDatabase, ReadableDatabase } from './readable-database.ts';
import { listResults } from './result-pages.ts';
import type { ResultReader } from './result-reader.ts';
import { searchResults } from './search-pages.ts';
import { createStatus } from './store-status.ts';

/** A reader of either database, which it opens in the background. */
export function assembleResultReader(
  database: ReadableDatabase,
  { logger }: { readonly logger: StoreLog },
): ResultReader {
  const opening = openInBackground((signal) => openPatiently(() => database.open(), { logger, signal }), {
    close: () => database.close(),
    message: 'The results cannot be read yet',
  });
  const guarded = checked(database, () => opening.check());
  return {
    ready: opening.ready,
    results: (query) => listResults(guarded, query),
    search: (query) => searchResults(guarded, query),
    result: (id) => findResult(guarded, id),
    failures: (query) => listFailures(guarded, query),
    status: createStatus(guarded),
    changes: () => guarded.version(),
    picturesOf: (id) => findPictures(guarded, id),
    close: () => opening.close(),
  };
}

/** Each call asks first whether the database is open. */
function checked(database: ReadableDatabase, check: () => void): OpenDatabase {
  return {
    dialect: database.dialect,
    now: () => database.now(),
    async read(use) {
      check();
      return database.read(use);
    },
    async version() {
      check();
      return database.version();
    },
    async sizeBytes() {
      check();
      return database.sizeBytes();
    },
  };
}
