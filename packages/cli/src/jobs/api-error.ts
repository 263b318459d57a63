import type { Violation } from './job-schema.ts';

/**
 * Codes of our own, besides those that the API answers with:
 * - `api_unreachable`: nobody answered at the address, or not in time.
 * - `unexpected_answer`: whoever answered is no Glyphmill API, or one of another kind than we know.
 */
export type ApiErrorCode = 'api_unreachable' | 'unexpected_answer' | (string & {});

export interface ApiErrorOptions {
  readonly cause?: unknown;
  /** Undefined when there was no answer. */
  readonly status?: number;
  readonly violations?: readonly Violation[];
  readonly retryAfterMs?: number | undefined;
  readonly requestId?: string | undefined;
}

/** The API refused, or did not answer. The message is the problem's detail. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  readonly status: number | undefined;
  readonly violations: readonly Violation[];
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;

  constructor(code: ApiErrorCode, detail: string, options: ApiErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.violations = options.violations ?? [];
    this.retryAfterMs = options.retryAfterMs;
    this.requestId = options.requestId;
  }

  /** The same request may be answered otherwise in a moment. */
  get isPassing(): boolean {
    return this.code === 'api_unreachable' || [429, 502, 503, 504].includes(this.status ?? 0);
  }

  /** Whatever else is sent will fare the same: not about this request alone. */
  get isAboutAll(): boolean {
    return this.isPassing || [401, 403, 507].includes(this.status ?? 0) || this.code === 'unexpected_answer';
  }
}
