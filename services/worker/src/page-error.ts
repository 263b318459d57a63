import { OcrError } from '@glyphmill/core/errors';
import type { EngineError } from '@glyphmill/ocr/pool';

/**
 * What a page's failure means to whoever sent it. `signal` is the job's: what a stopped page ended with does not
 * matter, only why it was stopped. After `lock_lost` and `drain` the consumer discards the answer.
 */
export function toPageError(thrown: unknown, signal: AbortSignal): OcrError {
  if (signal.aborted) return stoppedBy(signal.reason);
  if (!isEngineError(thrown)) return OcrError.from(thrown);
  switch (thrown.code) {
    case 'image_unsupported':
    case 'image_unreadable':
    case 'image_too_large':
    case 'poison_image':
      return new OcrError(thrown.code, thrown.message, { cause: thrown, retryable: thrown.retryable });
    // The pool was closed under a page that nobody stopped.
    case 'aborted':
    case 'engine_failed':
    case 'provider_unavailable':
    case 'model_mismatch':
      return OcrError.from(thrown);
  }
}

/**
 * By name, since the class comes with the engine itself: importing it would load the decoders and the inference runtime
 * into this process, which holds the queue's locks and is to stay small.
 */
export function isEngineError(thrown: unknown): thrown is EngineError {
  return thrown instanceof Error && thrown.name === 'EngineError';
}

function stoppedBy(reason: unknown): OcrError {
  if (reason === 'canceled') return new OcrError('canceled', 'The job was canceled');
  if (reason === 'deadline') return new OcrError('deadline_exceeded', 'The image was not read in time');
  return OcrError.from(reason);
}
