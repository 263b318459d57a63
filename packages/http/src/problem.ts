import type { ErrorCode, OcrError } from '@glyphmill/core/errors';

/** The HTTP status of every code: the table of the contract with users. */
export const statusOf = {
  unauthorized: 401,
  forbidden_origin: 403,
  job_not_found: 404,
  not_found: 404,
  method_not_allowed: 405,
  job_not_cancelable: 409,
  job_not_retryable: 409,
  canceled: 409,
  body_too_large: 413,
  image_too_large: 413,
  image_unsupported: 415,
  invalid_request: 422,
  url_not_allowed: 422,
  image_unreadable: 422,
  poison_image: 422,
  idempotency_conflict: 422,
  download_failed: 424,
  download_timeout: 424,
  queue_full: 429,
  internal: 500,
  queue_unavailable: 503,
  store_unavailable: 503,
  deadline_exceeded: 504,
  storage_full: 507,
} as const satisfies Record<ErrorCode, number>;

/** Short and the same for every occurrence, as RFC 9457 wants; what is special about this one is in `detail`. */
const titleOf = {
  unauthorized: 'Credentials are missing or wrong',
  forbidden_origin: 'This host or origin may not use the service',
  job_not_found: 'No such job',
  not_found: 'No such resource',
  method_not_allowed: 'Method not allowed',
  job_not_cancelable: 'The job can no longer be canceled',
  job_not_retryable: 'The job cannot be retried',
  canceled: 'The job was canceled',
  body_too_large: 'The request body is too large',
  image_too_large: 'The image is too large',
  image_unsupported: 'The file is not a supported image',
  invalid_request: 'The request is invalid',
  url_not_allowed: 'This URL may not be fetched',
  image_unreadable: 'The image cannot be read',
  poison_image: 'The image breaks the engine',
  idempotency_conflict: 'The idempotency key was used for another request',
  download_failed: 'The image could not be downloaded',
  download_timeout: 'The download took too long',
  queue_full: 'Too much work is waiting',
  internal: 'Internal error',
  queue_unavailable: 'The queue is unavailable',
  store_unavailable: 'The store is unavailable',
  deadline_exceeded: 'The answer took too long',
  storage_full: 'The storage is full',
} as const satisfies Record<ErrorCode, string>;

/** An error as users see it: RFC 9457, `application/problem+json`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly instance: string;
  readonly requestId: string;
  readonly errors?: { pointer: string; detail: string }[];
}

/** Seconds after which a retry is worth it, where whoever threw the error did not know better. */
const defaultRetryAfterSeconds = 2;
const codesWithRetryAfter: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'queue_full',
  'queue_unavailable',
  'store_unavailable',
]);

/** An error as users see it. `internal` says the same each time, whatever its message was. */
export function toProblem(error: OcrError, requestId: string): Problem {
  return {
    type: `urn:glyphmill:problem:${error.code}`,
    title: titleOf[error.code],
    status: statusOf[error.code],
    detail: error.code === 'internal' ? 'Something went wrong on our side' : error.message,
    code: error.code,
    instance: `urn:request:${requestId}`,
    requestId,
    ...(error.violations.length > 0 && {
      errors: error.violations.map(({ pointer, detail }) => ({ pointer, detail })),
    }),
  };
}

export interface ProblemResponseOptions {
  readonly error: OcrError;
  readonly requestId: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The response for an error, `Retry-After` included; request id and security headers are the middleware's. */
export function problemResponse({ error, requestId, headers = {} }: ProblemResponseOptions): Response {
  const retryAfter = codesWithRetryAfter.has(error.code)
    ? { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterSeconds ?? defaultRetryAfterSeconds))) }
    : {};
  return new Response(JSON.stringify(toProblem(error, requestId)), {
    status: statusOf[error.code],
    headers: { 'content-type': 'application/problem+json', ...retryAfter, ...headers },
  });
}
