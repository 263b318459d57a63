import { OcrError } from '../errors.ts';

/**
 * What a failed Redis command means to users. Messages name no address. Our own mistakes (a TypeError, a key
 * that holds something else) stay `internal`, so that they are not mistaken for an outage.
 */
export function toQueueError(thrown: unknown): OcrError {
  if (thrown instanceof OcrError) return thrown;
  if (!(thrown instanceof Error)) return OcrError.from(thrown);
  if (/\bOOM\b/.test(thrown.message)) return queueOutOfMemory(thrown);
  return isOurMistake(thrown) ? OcrError.from(thrown) : queueUnreachable(thrown);
}

function isOurMistake(error: Error): boolean {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) return true;
  if (error.name === 'ZodError') return true;
  return error.message.startsWith('WRONGTYPE');
}

export function queueUnreachable(cause?: unknown): OcrError {
  return new OcrError('queue_unavailable', 'The queue cannot be reached', { cause, retryAfterSeconds: 2 });
}

export function queueOutOfMemory(cause?: unknown): OcrError {
  return new OcrError('queue_unavailable', 'The queue has no memory left', { cause, retryAfterSeconds: 5 });
}

export function queueLostJob(): OcrError {
  return new OcrError('queue_unavailable', 'The queue lost the job', { retryAfterSeconds: 1 });
}
