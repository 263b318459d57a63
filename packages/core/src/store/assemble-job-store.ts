import { acceptJobs, knownKeys } from './accept-jobs.ts';
import { createClaims } from './claims.ts';
import type { Database, OpenableDatabase } from './database.ts';
import { createInboxFiles } from './inbox-files.ts';
import { createJobQueries } from './job-queries.ts';
import { createJobRequests } from './job-requests.ts';
import type { JobStore } from './job-store.ts';
import { createJobUpkeep } from './job-upkeep.ts';
import { createLeases } from './leases.ts';
import { openInBackground } from './open-in-background.ts';
import { openStore, type StoreLog } from './open-store.ts';
import { createOutbox } from './outbox.ts';

/** A job store over either database, which it opens and, where it may, migrates in the background. */
export function assembleJobStore(
  database: OpenableDatabase,
  options: { readonly migrate: 'auto' | 'never'; readonly logger: StoreLog },
): JobStore {
  const opening = openInBackground((signal) => openStore(database, { ...options, signal }), {
    close: () => database.close(),
    message: 'The job store is not open yet',
  });
  const guarded = checked(database, () => opening.check());
  return {
    ready: opening.ready,
    accept: (jobs) => acceptJobs(guarded, jobs),
    knownKeys: (keys) => knownKeys(guarded, keys),
    ...createClaims(guarded),
    ...createJobRequests(guarded),
    ...createJobQueries(guarded),
    ...createJobUpkeep(guarded),
    ...createInboxFiles(guarded),
    ...createOutbox(guarded),
    ...createLeases(guarded),
    now: async () => guarded.now(),
    close: () => opening.close(),
  };
}

/** Each call asks first whether the database is open. */
function checked(database: Database, check: () => void): Database {
  return {
    dialect: database.dialect,
    now: () => database.now(),
    async read(use) {
      check();
      return database.read(use);
    },
    async write(use, options) {
      check();
      return database.write(use, options);
    },
  };
}
