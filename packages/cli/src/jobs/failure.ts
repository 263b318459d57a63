import { toFailure as toInputFailure } from '../input-error.ts';
import { ApiError } from './api-error.ts';
import type { Violation } from './job-schema.ts';

/** What is printed about something that was not done; in JSON under `error`. */
export interface Failure {
  readonly code: string;
  readonly detail: string;
  /** Of the API's answer. */
  readonly status?: number;
  readonly requestId?: string;
  readonly errors?: readonly Violation[];
  /** When another try is worth it, where the API said so. */
  readonly retryAfterSeconds?: number;
}

export function toFailure(error: unknown): Failure {
  if (!(error instanceof ApiError)) {
    const { code, message } = toInputFailure(error);
    return { code, detail: message };
  }
  const { code, message, status, requestId, retryAfterMs, violations } = error;
  return {
    code,
    detail: message,
    ...(status !== undefined && { status }),
    ...(requestId !== undefined && { requestId }),
    ...(violations.length > 0 && { errors: violations }),
    ...(retryAfterMs !== undefined && { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) }),
  };
}

/** As people read it: what is wrong with which part of a request stands behind, unless it was said already. */
export function describeFailure({ code, detail, errors = [], retryAfterSeconds }: Failure): string {
  const more = errors.filter((violation) => violation.detail !== detail).map(describeViolation);
  const later = retryAfterSeconds === undefined ? [] : [`worth another try in ${retryAfterSeconds} s`];
  return [`${code}: ${detail}`, ...more, ...later].join('; ');
}

function describeViolation({ pointer, detail }: Violation): string {
  return pointer === '' ? detail : `${pointer}: ${detail}`;
}
