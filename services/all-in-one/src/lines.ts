import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** What a child wrote, and where: standard error is for what went wrong. */
export interface ChildLine {
  readonly text: string;
  readonly stream: 'stdout' | 'stderr';
}

/** Calls back for each line that `stream` carries, the last one included when it does not end in a line break. */
export function forEachLine(stream: Readable, onLine: (line: string) => void): void {
  stream.on('error', () => undefined);
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', onLine);
}
