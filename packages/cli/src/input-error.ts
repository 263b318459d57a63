import { EngineError, type EngineErrorCode } from '@glyphmill/ocr/pool';

/**
 * Why an input gave no text, besides the engine's own reasons:
 * - `file_not_found`, `file_unreadable`: no such file, or it may not be read.
 * - `file_empty`: a file without bytes.
 * - `no_images`: a folder without images.
 * - `boxes_failed`: the text was read, but its picture could not be drawn or written.
 */
export type InputErrorCode = 'file_not_found' | 'file_unreadable' | 'file_empty' | 'no_images' | 'boxes_failed';

export class InputError extends Error {
  override readonly name = 'InputError';
  readonly code: InputErrorCode;

  constructor(code: InputErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** What is printed about a failure. */
export interface Failure {
  readonly code: EngineErrorCode | InputErrorCode | 'internal';
  readonly message: string;
}

export function toFailure(error: unknown): Failure {
  if (error instanceof InputError || error instanceof EngineError) return { code: error.code, message: error.message };
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

/** Turns an error of the file system into one with a code of ours. */
export function fileError(error: unknown): InputError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (reason === 'ENOENT' || reason === 'ENOTDIR') {
    return new InputError('file_not_found', 'No such file or folder', { cause: error });
  }
  return new InputError('file_unreadable', `Cannot be read${reason && ` (${reason})`}`, { cause: error });
}
