import { setTimeout as delay } from 'node:timers/promises';
import type { ApiConnection } from './api-connection.ts';
import { ApiError } from './api-error.ts';
import { problemSchema } from './job-schema.ts';
import { UploadError } from './multipart.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Relative to the API, without a slash before it. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each try, since a stream can be sent once. */
  readonly body?: (() => string | AsyncGenerator<Uint8Array>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  /** What its JSON says; undefined where it was none. */
  readonly body: unknown;
}

/**
 * Sends a request, again where that may help. Throws `ApiError`; `onLost` hears of each try whose answer never came, so
 * that it may have been done. Throws `UploadError` for a file that cannot be read, and the signal's reason when that fires.
 */
export type ApiRequester = (request: ApiRequest, onLost?: () => void) => Promise<ApiAnswer>;

export interface RequesterOptions {
  readonly connection: ApiConnection;
  readonly signal: AbortSignal;
  /** Hears why something is sent again, and when. */
  readonly onRetry: (error: ApiError, delayMs: number) => void;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

const maxTries = 5;
/** Whoever has never answered is likely not there, and the address wrong: soon said. */
const maxFirstTries = 2;
const firstBackoffMs = 500;
/** Who is told to come back later than this says so instead of sitting there. */
const maxRetryAfterMs = 60_000;
/** Of anything but a submission: those take as long as they upload. */
const answerTimeoutMs = 30_000;

export function createApiRequester(options: RequesterOptions): ApiRequester {
  const { onRetry, sleep = (ms, signal) => delay(ms, undefined, { signal }) } = options;
  let hasAnswered = false;
  return async (request, onLost) => {
    const signal = request.signal === undefined ? options.signal : AbortSignal.any([options.signal, request.signal]);
    for (let tries = 1; ; tries++) {
      try {
        const answer = await sendOnce({ ...request, signal }, options.connection);
        hasAnswered = true;
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ApiError)) throw error;
        const isLost = error.code === 'api_unreachable';
        if (isLost) onLost?.();
        else hasAnswered = true;
        const retryAfterMs = error.retryAfterMs ?? 0;
        const mayTry = tries < (isLost && !hasAnswered ? maxFirstTries : maxTries);
        if (!error.isPassing || !mayTry || retryAfterMs > maxRetryAfterMs) throw error;
        const delayMs = Math.max(retryAfterMs, backoffMs(tries));
        onRetry(error, delayMs);
        await sleep(delayMs, signal);
      }
    }
  };
}

/** Doubles, and differs from caller to caller. */
function backoffMs(tries: number): number {
  return firstBackoffMs * 2 ** (tries - 1) * (1 + Math.random() / 4);
}

async function sendOnce(request: ApiRequest & { readonly signal: AbortSignal }, connection: ApiConnection) {
  const { method, path, body } = request;
  const { baseUrl, authorization } = connection;
  const headers = new Headers({ accept: 'application/json', ...request.headers });
  if (authorization !== undefined) headers.set('authorization', authorization);
  const timeout = body === undefined ? [AbortSignal.timeout(answerTimeoutMs)] : [];
  const content = body?.();
  let response: Response;
  let text: string;
  try {
    response = await fetch(new URL(path, baseUrl), {
      method,
      headers,
      // Nobody else than the one that was named gets the credentials and the images.
      redirect: 'manual',
      signal: AbortSignal.any([request.signal, ...timeout]),
      ...(content !== undefined && { body: content, duplex: 'half' }),
    });
    text = await response.text();
  } catch (error) {
    request.signal.throwIfAborted();
    if (error instanceof Error && error.cause instanceof UploadError) throw error.cause;
    throw unreachable(baseUrl, error);
  } finally {
    // Answered before all was sent: the file that was being read must not stay open.
    if (typeof content === 'object') content.return(undefined).catch(() => undefined);
  }
  return readAnswer(response, text);
}

function unreachable(baseUrl: URL, error: unknown): ApiError {
  const detail = `No answer from ${baseUrl.origin} (${reasonOf(error)})`;
  return new ApiError('api_unreachable', detail, { cause: error });
}

/** `ECONNREFUSED` and its like: fetch hides them in the cause of its own error. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return 'unknown';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
}

function readAnswer(response: Response, text: string): ApiAnswer {
  const { status, headers } = response;
  const body = parseJson(text);
  if (response.ok) return { status, body };
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'), Date.now());
  const problem = problemSchema.safeParse(body);
  if (!problem.success) {
    const detail = `HTTP ${status}, and not what a Glyphmill API answers: is the address right?`;
    throw new ApiError('unexpected_answer', detail, { status, retryAfterMs });
  }
  const { code, detail, errors = [], requestId } = problem.data;
  throw new ApiError(code, detail, { status, violations: errors, retryAfterMs, requestId });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seconds or a date (RFC 9110); undefined for what is neither. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
