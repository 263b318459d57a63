import type { Readable } from 'node:stream';
import { timedOut, toFetchError } from './fetch-error.ts';
import { startFetchTimer } from './fetch-timer.ts';
import { createGuardedClient, type GuardOptions } from './guarded-client.ts';
import { parseRetryAfter } from './retry-after.ts';

export interface WebhookMessage {
  /** Names in lower case; `content-type` and signatures are the caller's, `user-agent` is ours. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal;
}

export interface WebhookAnswer {
  readonly status: number;
  /** What `Retry-After` asks for, whatever the status. */
  readonly retryAfterMs?: number;
}

/**
 * Posts a small body to a stranger's URL, under the rules that downloads have, and resolves with the answer, whichever it
 * is: redirects are not followed. Rejects with OcrError `url_not_allowed`, `download_failed` or
 * `download_timeout`, whose messages hold nothing of the URL, or with an AbortError soon after the signal fires.
 */
export type PostWebhook = (url: string, message: WebhookMessage) => Promise<WebhookAnswer>;

/** Read, so that the receiver sees its answer taken; what is longer is cut off. */
const maxAnswerBytes = 65_536;

export function createWebhookPoster(options: GuardOptions): PostWebhook {
  const guarded = createGuardedClient({ ...options, purpose: 'webhook', maxResponseBytes: -1 });

  return async (text, { headers, body, signal }) => {
    signal.throwIfAborted();
    const timer = startFetchTimer(options.timeoutMs, signal);
    try {
      const url = guarded.checkUrl(text);
      return await guarded.request(url, timer.signal, async (client) => {
        const response = await client.request({
          method: 'POST',
          path: url.pathname + url.search,
          headers: { 'user-agent': 'glyphmill', accept: '*/*', ...headers },
          body,
        });
        await drain(response.body, timer.signal);
        const retryAfterMs = parseRetryAfter(response.headers['retry-after'], Date.now());
        return { status: response.statusCode, ...(retryAfterMs !== undefined && { retryAfterMs }) };
      });
    } catch (error) {
      if (signal.aborted) throw new DOMException('The webhook was aborted', 'AbortError');
      throw timer.signal.aborted ? timedOut('webhook') : toFetchError(error, 'webhook');
    } finally {
      timer.stop();
    }
  };
}

/** The status says it all: whatever becomes of the rest of the answer changes nothing. */
async function drain(body: Readable, signal: AbortSignal): Promise<void> {
  body.on('error', () => {});
  let received = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      received += chunk.length;
      if (received > maxAnswerBytes || signal.aborted) return;
    }
  } catch {
    // Broken off, or out of time.
  }
}
