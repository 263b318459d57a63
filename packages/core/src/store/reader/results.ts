export type * from './result-reader.ts';
export { createResultReader, type ResultReaderOptions } from './create-result-reader.ts';
export { type JobState, jobStates } from '../job-store.ts';
export { SchemaMismatchError } from '../migrations.ts';
