import { OcrError } from '../errors.ts';
import { type FetchPurpose, wordings } from './purpose.ts';

/** What may be told of a failed request. Messages of Node and undici name hosts and addresses: they go to `cause`. */
const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name does not resolve at the moment',
  ENODATA: 'the name does not resolve',
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'the server cannot be reached',
  ENETUNREACH: 'the server cannot be reached',
  EADDRNOTAVAIL: 'the server cannot be reached',
  ECONNRESET: 'the connection broke before the answer was complete',
  EPIPE: 'the connection broke before the answer was complete',
  UND_ERR_SOCKET: 'the connection broke before the answer was complete',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer was not as long as it promised',
  ERR_STREAM_PREMATURE_CLOSE: 'the connection broke before the answer was complete',
  UND_ERR_HEADERS_OVERFLOW: 'the server sent too many headers',
};

const timeouts: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

const certificateCodes = /^(CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|ERR_TLS_CERT_)/;
const tlsCodes = /^(ERR_SSL_|ERR_TLS_|EPROTO$)/;

/**
 * Turns what Node, undici or zlib threw during a request into the error that users see. Its `cause` may name the host
 * and hold what the server sent: it is for a debugger, not for a log.
 */
export function toFetchError(thrown: unknown, purpose: FetchPurpose): OcrError {
  if (thrown instanceof OcrError) return thrown;
  const code = codeOf(thrown);
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return tooLarge();
  if (timeouts.has(code)) return timedOut(purpose, thrown);
  // undici's parser errors have no code of their own.
  const invalid = thrown instanceof Error && thrown.name === 'HTTPParserError';
  return fetchFailed(purpose, invalid ? 'the server did not answer in valid HTTP' : reasonOf(code), { cause: thrown });
}

function reasonOf(code: string): string {
  if (certificateCodes.test(code)) return "TLS: the server's certificate is not trusted";
  if (tlsCodes.test(code)) return 'TLS: no secure connection could be made';
  if (code.startsWith('Z_') || code.startsWith('ERR_BROTLI') || code.startsWith('ZSTD_')) {
    return 'the answer could not be decompressed';
  }
  return reasons[code] ?? 'the connection failed';
}

function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return '';
  // A pipeline reports a body that ended early as an abort, the broken socket being its cause.
  const own = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
  return own === '' || own === 'ABORT_ERR' ? codeOf(thrown.cause) : own;
}

interface FailureOptions {
  readonly cause?: unknown;
  readonly retryable?: boolean;
}

export function downloadFailed(reason: string, options: FailureOptions = {}): OcrError {
  return fetchFailed('image', reason, options);
}

function fetchFailed(purpose: FetchPurpose, reason: string, options: FailureOptions): OcrError {
  return new OcrError('download_failed', `${wordings[purpose].failed}: ${reason}`, options);
}

export function timedOut(purpose: FetchPurpose, cause?: unknown): OcrError {
  return new OcrError('download_timeout', wordings[purpose].late, { cause });
}

export function tooLarge(): OcrError {
  return new OcrError('image_too_large', 'The image has more bytes than allowed');
}

/** Answers of the 4xx kind do not change by asking again, but for those that ask for patience. */
export function unexpectedStatus(status: number): OcrError {
  const patience = status === 408 || status === 425 || status === 429;
  return downloadFailed(`the server answered ${status}`, { retryable: status >= 500 || patience });
}
