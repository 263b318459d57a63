import { type ErrorCode, OcrError, type Violation } from '../../errors.ts';

/** What the thread of a SQLite database is started with. */
export interface ThreadOptions {
  readonly url: string;
  readonly migrate: 'auto' | 'never';
}

export type ToThread =
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly method: string;
      readonly args: readonly unknown[];
      /** In place of the thread's clock. */
      readonly now: number | undefined;
    }
  | { readonly kind: 'close' };

export type FromThread =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: SentError }
  | { readonly kind: 'ready' }
  | { readonly kind: 'mismatch'; readonly message: string }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly fields: object; readonly message: string };

export interface SentError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly violations: readonly Violation[];
  readonly cause: string | undefined;
}

export function sentError(thrown: unknown): SentError {
  const { code, message, retryable, violations, cause } = OcrError.from(thrown);
  const told = cause instanceof Error ? (cause.stack ?? cause.message) : undefined;
  return { code, message, retryable, violations, cause: told };
}

export function receivedError({ code, message, retryable, violations, cause }: SentError): OcrError {
  return new OcrError(code, message, {
    retryable,
    violations,
    ...(cause !== undefined && { cause: new Error(cause) }),
  });
}
