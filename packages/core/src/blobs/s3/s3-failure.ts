import { OcrError } from '../../errors.ts';

/**
 * What went wrong in a bucket, by the server's or the system's name for it and no more: messages of servers and clients
 * may tell keys, accounts and signatures, and this one ends up in logs.
 */
export class S3Failure extends Error {
  override readonly name = 'S3Failure';
  /** `AccessDenied`, `ECONNREFUSED` … */
  readonly code: string;
  /** Undefined where there was no answer. */
  readonly status: number | undefined;

  constructor(code: string, status?: number) {
    super(status === undefined ? code : `${code} (${status})`);
    this.code = code;
    this.status = status;
  }
}

/** How servers call a bucket or a disk that is full; Amazon's never is. */
const fullCodes: ReadonlySet<string> = new Set([
  'InsufficientStorage',
  'QuotaExceeded',
  'XMinioAdminBucketQuotaExceeded',
  'XMinioStorageFull',
  'ENOSPC',
]);
const fullStatus = 507;
/** The client's names for what took too long. */
const hangingCodes: ReadonlySet<string> = new Set(['TimeoutError', 'AbortError']);
const passingCodes: ReadonlySet<string> = new Set(['RequestTimeout', 'SlowDown', 'BadDigest', 'IncompleteBody']);

export function s3FailureOf(error: unknown): S3Failure {
  if (error instanceof S3Failure) return error;
  if (!(error instanceof Error)) return new S3Failure('Unknown');
  const { $metadata: metadata, code } = error as { $metadata?: { httpStatusCode?: number }; code?: unknown };
  const status = metadata?.httpStatusCode;
  // A fault of the network has a code of the system, which says more than the error's name: to the client a connection
  // that was broken is a TimeoutError, too.
  const isSystems = typeof code === 'string' && status === undefined && code !== 'ETIMEDOUT';
  return new S3Failure(plainWord(isSystems ? code : error.name), status);
}

/** As the callers of a blob store know it. */
export function toOcrError(error: unknown): OcrError {
  if (error instanceof OcrError) return error;
  const cause = s3FailureOf(error);
  return cause.status === fullStatus || fullCodes.has(cause.code)
    ? new OcrError('storage_full', 'There is no room left to store the image', { cause })
    : new OcrError('store_unavailable', 'Images cannot be stored or read at the moment', { cause });
}

/** Whether the same request may fare better in a moment. */
export function isPassing({ status, code }: S3Failure): boolean {
  if (status === undefined) return !hangingCodes.has(code);
  return status === 429 || (status >= 500 && status !== fullStatus) || passingCodes.has(code);
}

/** A server may call its errors what it likes. */
function plainWord(text: string): string {
  return /^\w{1,64}$/.test(text) ? text : 'Unknown';
}
