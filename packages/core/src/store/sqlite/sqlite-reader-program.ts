import { assembleResultReader } from '../reader/assemble-result-reader.ts';
import { type ReaderMethod, readerMethods } from '../reader/reader-methods.ts';
import type { ResultReader } from '../reader/result-reader.ts';
import { serveCalls } from './serve-calls.ts';
import { createSqliteReader } from './sqlite-reader.ts';

serveCalls<ResultReader, ReaderMethod>(readerMethods, ({ url, now, logger }) =>
  assembleResultReader(createSqliteReader({ url, now }), { logger }),
);
