/**
 * Why a page was not read.
 * - `image_unsupported`: the bytes are no image of an allowed format.
 * - `image_unreadable`: an allowed format, but empty, corrupt or truncated.
 * - `image_too_large`: more bytes or pixels than allowed.
 * - `poison_image`: the engine process died or overran its deadline on this page, twice. `retryable` when one of the two
 *   was ended by SIGKILL, which only comes from outside: an operator's doing, or the kernel's when memory runs out.
 * - `engine_failed`: the engine itself is at fault (a model that does not load, a process that does not start).
 * - `provider_unavailable`: what the models were to run on (CUDA) cannot be used on this machine.
 * - `model_mismatch`: a weights file is missing or is not the one that the manifest names.
 * - `aborted`: the caller's signal fired, or the pool was closed.
 */
export const engineErrorCodes = [
  'image_unsupported',
  'image_unreadable',
  'image_too_large',
  'poison_image',
  'engine_failed',
  'provider_unavailable',
  'model_mismatch',
  'aborted',
] as const;
export type EngineErrorCode = (typeof engineErrorCodes)[number];

export interface EngineErrorOptions {
  readonly cause?: unknown;
  readonly retryable?: boolean;
}

/** The one error that this package throws on purpose. The message can be shown to whoever sent the image. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: EngineErrorCode;
  /** Whether the page may be innocent, so that it is worth another try by who can wait. */
  readonly retryable: boolean;

  constructor(code: EngineErrorCode, message: string, options: EngineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
