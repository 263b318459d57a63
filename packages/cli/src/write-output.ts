import { once, type EventEmitter } from 'node:events';

/** Waits while the reader of a pipe is slower than we are; an abort (the reader is gone) ends the wait. */
export async function writeOutput(
  stream: NodeJS.WritableStream & EventEmitter,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  if (stream.write(text) || signal.aborted) return;
  await once(stream, 'drain', { signal }).catch(() => undefined);
}
