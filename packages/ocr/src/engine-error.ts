/**
 * Why a page was not read.
 * - `image_unsupported`: the bytes are no image of an allowed format.
 * - `image_unreadable`: an allowed format, but empty, corrupt or truncated.
 * - `image_too_large`: more bytes or pixels than allowed.
 * - `poison_image`: the engine process died or overran its deadline on this page, twice.
 * - `engine_failed`: the engine itself is at fault (a model that does not load, a process that does not start).
 * - `model_mismatch`: a weights file is missing or is not the one that the manifest names.
 * - `aborted`: the caller's signal fired, or the pool was closed.
 */
export const engineErrorCodes = [
  'image_unsupported',
  'image_unreadable',
  'image_too_large',
  'poison_image',
  'engine_failed',
  'model_mismatch',
  'aborted',
] as const;
export type EngineErrorCode = (typeof engineErrorCodes)[number];

/** The one error that this package throws on purpose. The message can be shown to whoever sent the image. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}
