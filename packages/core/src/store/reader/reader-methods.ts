import type { ResultReader } from './result-reader.ts';

export type ReaderMethod = Exclude<keyof ResultReader, 'ready' | 'close'>;

export const readerMethods = [
  'results',
  'search',
  'result',
  'failures',
  'status',
  'changes',
  'picturesOf',
] as const satisfies readonly ReaderMethod[];
