import type { Dispatcher } from 'undici';
import { downloadFailed, timedOut, toFetchError, unexpectedStatus } from './fetch-error.ts';
import { startFetchTimer } from './fetch-timer.ts';
import { createGuardedClient, type GuardOptions } from './guarded-client.ts';
import { readBody } from './read-body.ts';

/** The wait for `reserve` does not count as time of the download. */
export interface ImageFetcherOptions extends GuardOptions {
  readonly maxBytes: number;
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

const requestHeaders = {
  accept: 'image/*,*/*;q=0.5',
  'accept-encoding': 'identity',
  'user-agent': 'glyphmill',
};

export function createImageFetcher(options: ImageFetcherOptions): FetchImage {
  const { maxBytes, timeoutMs } = options;
  const guarded = createGuardedClient({ ...options, purpose: 'image', maxResponseBytes: maxBytes });

  return async (text, { signal, reserve = async () => {} }) => {
    signal.throwIfAborted();
    const timer = startFetchTimer(timeoutMs, signal);
    const reading: ReadingOptions = {
      maxBytes,
      signal: timer.signal,
      reserve: (bytes) => timer.pauseFor(() => reserve(bytes)),
    };
    try {
      let url = guarded.checkUrl(text);
      for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
        const answer = await guarded.request(url, timer.signal, async (client) => {
          const path = url.pathname + url.search;
          const response = await client.request({ method: 'GET', path, headers: requestHeaders });
          // Whatever becomes of the body after we stopped reading it is nobody's concern any more.
          response.body.on('error', () => {});
          return readAnswer(response, reading);
        });
        if (answer instanceof Uint8Array) return answer;
        url = guarded.checkUrl(answer.location, url);
      }
      throw downloadFailed(`more than ${maxRedirects} redirects`, { retryable: false });
    } catch (error) {
      if (signal.aborted) throw new DOMException('The download was aborted', 'AbortError');
      throw timer.signal.aborted ? timedOut('image') : toFetchError(error, 'image');
    } finally {
      timer.stop();
    }
  };
}

interface ReadingOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly reserve: (bytes: number) => Promise<void>;
}

/** The image's bytes, or where to look instead. */
async function readAnswer(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  reading: ReadingOptions,
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
    ...reading,
  });
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}
