import { Client, type Dispatcher } from 'undici';
import { createAddressPolicy } from './address-policy.ts';
import { downloadFailed, downloadTimeout, toDownloadError, unexpectedStatus } from './download-error.ts';
import { startDownloadTimer } from './download-timer.ts';
import {
  createGuardedConnector,
  type GuardedConnectorOptions,
  type Resolve,
  resolveWithSystem,
} from './guarded-connector.ts';
import { readBody } from './read-body.ts';
import { createUrlPolicy } from './url-policy.ts';

export interface ImageFetcherOptions {
  readonly maxBytes: number;
  /** One download in all, redirects and name look-ups included; waiting for `reserve` does not count. */
  readonly timeoutMs: number;
  /** Ranges that are allowed beside public addresses. */
  readonly allowCidrs: readonly string[];
  /** Absent: any host. */
  readonly allowHosts?: readonly string[] | undefined;
  readonly resolve?: Resolve;
  readonly ca?: string;
  readonly dial?: GuardedConnectorOptions['dial'];
}

export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Called before a body is read, with the most bytes that it can have; the body is left waiting meanwhile. */
  readonly reserve?: (bytes: number) => Promise<void>;
}

/**
 * Downloads the image at a URL, from public addresses only. Rejects with OcrError `url_not_allowed`, `download_failed`,
 * `download_timeout` or `image_too_large`, whose messages hold nothing of the URL, or with an AbortError soon after the
 * signal fires. Each download has a connection of its own: nothing is kept alive, no cookie is kept, no proxy is used.
 */
export type FetchImage = (url: string, options: FetchOptions) => Promise<Uint8Array>;

const maxRedirects = 3;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** A server that takes longer than this to accept a connection, or to begin its answer, is as good as down. */
const maxConnectMs = 5_000;
const maxFirstByteMs = 10_000;

const requestHeaders = {
  accept: 'image/*,*/*;q=0.5',
  'accept-encoding': 'identity',
  'user-agent': 'glyphmill',
};

export function createImageFetcher(options: ImageFetcherOptions): FetchImage {
  const checkUrl = createUrlPolicy(options.allowHosts);
  const allowsAddress = createAddressPolicy(options.allowCidrs);

  return async (text, { signal, reserve = async () => {} }) => {
    signal.throwIfAborted();
    const timer = startDownloadTimer(options.timeoutMs, signal);
    const hop: HopOptions = {
      options,
      allowsAddress,
      signal: timer.signal,
      reserve: (bytes) => timer.pauseFor(() => reserve(bytes)),
    };
    try {
      let url = checkUrl(text);
      for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
        const answer = await requestOnce(url, hop);
        if (answer instanceof Uint8Array) return answer;
        url = checkUrl(answer.location, url);
      }
      throw downloadFailed(`more than ${maxRedirects} redirects`, { retryable: false });
    } catch (error) {
      if (signal.aborted) throw new DOMException('The download was aborted', 'AbortError');
      throw timer.signal.aborted ? downloadTimeout() : toDownloadError(error);
    } finally {
      timer.stop();
    }
  };
}

interface HopOptions {
  readonly options: ImageFetcherOptions;
  readonly allowsAddress: (address: string) => boolean;
  readonly signal: AbortSignal;
  readonly reserve: (bytes: number) => Promise<void>;
}

/** One request on one connection: the image's bytes, or where to look instead. */
async function requestOnce(url: URL, hop: HopOptions): Promise<Uint8Array | { location: string }> {
  const { options, signal } = hop;
  signal.throwIfAborted();
  const client = new Client(url.origin, {
    connect: createGuardedConnector({
      allowsAddress: hop.allowsAddress,
      resolve: options.resolve ?? resolveWithSystem,
      connectTimeoutMs: Math.min(maxConnectMs, options.timeoutMs),
      signal,
      ca: options.ca,
      ...(options.dial === undefined ? {} : { dial: options.dial }),
    }),
    pipelining: 0,
    allowH2: false,
    headersTimeout: Math.min(maxFirstByteMs, options.timeoutMs),
    bodyTimeout: options.timeoutMs,
    maxResponseSize: options.maxBytes,
  });
  // undici heeds a request's signal only once it is connected; destroying the client ends it at any stage.
  const stop = (): void => void client.destroy(new Error('stopped')).catch(() => {});
  signal.addEventListener('abort', stop, { once: true });
  try {
    const response = await client.request({ method: 'GET', path: url.pathname + url.search, headers: requestHeaders });
    // Whatever becomes of the body after we stopped reading it is nobody's concern any more.
    response.body.on('error', () => {});
    return await readAnswer(response, hop);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

async function readAnswer(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  { options, signal, reserve }: HopOptions,
): Promise<Uint8Array | { location: string }> {
  if (redirectStatuses.has(statusCode)) {
    const location = single(headers['location']);
    if (location === undefined) throw unexpectedStatus(statusCode);
    return { location };
  }
  // 206 would be a part of an image, and nobody asked for one.
  if (statusCode < 200 || statusCode > 299 || statusCode === 206) throw unexpectedStatus(statusCode);
  const length = single(headers['content-length']);
  return readBody(body, {
    contentLength: length === undefined ? undefined : Number(length),
    contentEncoding: single(headers['content-encoding']),
    maxBytes: options.maxBytes,
    reserve,
    signal,
  });
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}
