import { assembleJobStore } from '../assemble-job-store.ts';
import type { JobStore } from '../job-store.ts';
import { type StoreMethod, storeMethods } from '../store-methods.ts';
import { serveCalls } from './serve-calls.ts';
import { createSqliteDatabase } from './sqlite-database.ts';

serveCalls<JobStore, StoreMethod>(storeMethods, ({ url, migrate, now, logger }) =>
  assembleJobStore(createSqliteDatabase({ url, now }), { migrate, logger }),
);
