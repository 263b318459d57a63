/**
 * Every way in which a request or a job can fail. A code is part of the contract with users: it never changes its
 * meaning, and it says what to do (docs/errors.md). The HTTP status of each code is the API's business.
 */
export const errorCodes = [
  'unauthorized',
  'forbidden_origin',
  'job_not_found',
  'not_found',
  'method_not_allowed',
  'job_not_cancelable',
  'job_not_retryable',
  'body_too_large',
  'image_too_large',
  'image_unsupported',
  'invalid_request',
  'url_not_allowed',
  'image_unreadable',
  'poison_image',
  'idempotency_conflict',
  'download_failed',
  'download_timeout',
  'queue_full',
  'queue_unavailable',
  'store_unavailable',
  'storage_full',
  'internal',
  'deadline_exceeded',
  'canceled',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Codes of faults that pass by themselves: the same work may succeed when it is tried again. */
const retryableCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'download_failed',
  'download_timeout',
  'queue_full',
  'queue_unavailable',
  'store_unavailable',
  'storage_full',
  'internal',
  'deadline_exceeded',
]);

/**
 * Whose doing a failure is, by which it is counted: the caller's (a dead URL, a broken image, more work than is taken), or
 * our own, which alarms are about.
 */
export type FaultClass = 'input_error' | 'service_error' | 'canceled';

/** Of every code, so that a new one cannot be forgotten. */
const faultClasses: Readonly<Record<ErrorCode, FaultClass>> = {
  unauthorized: 'input_error',
  forbidden_origin: 'input_error',
  job_not_found: 'input_error',
  not_found: 'input_error',
  method_not_allowed: 'input_error',
  job_not_cancelable: 'input_error',
  job_not_retryable: 'input_error',
  body_too_large: 'input_error',
  image_too_large: 'input_error',
  image_unsupported: 'input_error',
  invalid_request: 'input_error',
  url_not_allowed: 'input_error',
  image_unreadable: 'input_error',
  idempotency_conflict: 'input_error',
  download_failed: 'input_error',
  download_timeout: 'input_error',
  queue_full: 'input_error',
  // No image may end an engine, whatever is in it.
  poison_image: 'service_error',
  queue_unavailable: 'service_error',
  store_unavailable: 'service_error',
  storage_full: 'service_error',
  internal: 'service_error',
  deadline_exceeded: 'service_error',
  canceled: 'canceled',
};

export function faultClassOf(code: ErrorCode): FaultClass {
  return faultClasses[code];
}

/** One thing that is wrong with a request: where (JSON pointer into the body, or a header's name) and what. */
export interface Violation {
  readonly pointer: string;
  readonly detail: string;
}

export interface OcrErrorOptions {
  readonly cause?: unknown;
  /** Overrides what the code says; a `download_failed` with status 404 is not worth a retry, say. */
  readonly retryable?: boolean;
  readonly retryAfterSeconds?: number;
  readonly violations?: readonly Violation[];
}

/** An error as it crosses a process boundary; holds nothing that a user may not see. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

/**
 * The one error that services throw on purpose. `message` is shown to users: it names no path, address, credential or
 * recognized text; what only an operator may see goes into `cause`.
 */
export class OcrError extends Error {
  override readonly name = 'OcrError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly violations: readonly Violation[];

  constructor(code: ErrorCode, message: string, options: OcrErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? retryableCodes.has(code);
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.violations = options.violations ?? [];
  }

  /** What is not an `OcrError` becomes `internal`, its own message kept in `cause` and out of users' sight. */
  static from(thrown: unknown): OcrError {
    if (thrown instanceof OcrError) return thrown;
    return new OcrError('internal', 'Something went wrong on our side', { cause: thrown });
  }

  static fromWire(wire: WireError): OcrError {
    return new OcrError(wire.code, wire.message, { retryable: wire.retryable });
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, retryable: this.retryable };
  }
}
