export type * from './job-store.ts';
export { jobStates } from './job-store.ts';
export { createJobStore, type JobStoreOptions, migrateJobStore } from './create-job-store.ts';
export { inboxKeyOf } from './inbox-key.ts';
export { SchemaMismatchError } from './migrations.ts';
