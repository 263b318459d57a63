import { createServer, type IncomingMessage, type Server } from 'node:http';
import { getRequestListener, RequestError } from '@hono/node-server';
import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import { problemResponse } from './problem.ts';
import { answerProtocolErrors } from './protocol-errors.ts';
import { chooseRequestId } from './request-id.ts';
import { cutOffSlowSenders } from './slow-senders.ts';

const defaultHeadersTimeoutMs = 15_000;
/** Enough for the largest body in JSON over 4 Mbit/s; what comes as a stream may take longer (see slow-senders.ts). */
const defaultRequestTimeoutMs = 60_000;
/** How often is looked for those who took longer. */
const connectionsCheckMs = 1_000;
/** Longer than load balancers keep idle connections (up to 600 s), so that they never reuse one that we just closed. */
const keepAliveTimeoutMs = 620_000;
const maxHeaderBytes = 16 * 1024;

export interface HttpServerOptions {
  readonly fetch: (request: Request, env: object) => Response | Promise<Response>;
  readonly logger: Pick<Logger, 'info'>;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** A client may not take longer than this to send its headers (slow loris) and the request, unless that is large. */
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
}

export interface HttpServer {
  readonly port: number;
  /** Accepts nothing new and waits for the requests in flight; those that outlast the grace are cut off. */
  drain(graceMs: number): Promise<{ unfinished: boolean }>;
}

export async function startHttpServer({
  fetch,
  logger,
  host,
  port,
  headersTimeoutMs = defaultHeadersTimeoutMs,
  requestTimeoutMs = defaultRequestTimeoutMs,
}: HttpServerOptions): Promise<HttpServer> {
  const listener = getRequestListener(fetch, { hostname: 'localhost', errorHandler: answerMalformed });
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: 0,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: connectionsCheckMs,
      // Checked in protocol-errors.ts, where it gets an answer that programs can read.
      requireHostHeader: false,
    },
    (request, response) => {
      if (protocolErrors.refuses(request, response)) return;
      slowSenders.watch(request, response);
      response.once('finish', () => {
        stopReading(request);
      });
      // A response that begins while draining tells its client not to use the connection again.
      if (!server.listening) response.setHeader('connection', 'close');
      void listener(request, response);
    },
  );
  const protocolErrors = answerProtocolErrors(server, logger);
  const slowSenders = cutOffSlowSenders({ server, timeoutMs: requestTimeoutMs, checkMs: connectionsCheckMs });
  await listen(server, { host, port });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The HTTP server has no port');
  return { port: address.port, drain: (graceMs) => drain(server, graceMs) };
}

/**
 * Whoever was answered before the whole body had come goes on sending for a moment. Nobody reads it any more, and a
 * stream that waits for its reader would hold it up until the connection is cut, and the answer lost.
 */
function stopReading(request: IncomingMessage): void {
  if (request.complete) return;
  request.removeAllListeners('data');
  request.resume();
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Requests that never reached the app: a broken target or `Host`. Everything else is an error of the app's own. */
function answerMalformed(thrown: unknown): Response {
  const error =
    thrown instanceof RequestError
      ? new OcrError('invalid_request', 'The request target or its host is malformed')
      : OcrError.from(thrown);
  const requestId = chooseRequestId(undefined);
  return problemResponse({ error, requestId, headers: { 'x-request-id': requestId, 'cache-control': 'no-store' } });
}

async function drain(server: Server, graceMs: number): Promise<{ unfinished: boolean }> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  let unfinished = false;
  const timer = setTimeout(() => {
    unfinished = true;
    server.closeAllConnections();
  }, graceMs);
  // Connections that were in use when the server closed become idle one by one.
  const sweep = setInterval(() => {
    server.closeIdleConnections();
  }, 100);
  await closed;
  clearTimeout(timer);
  clearInterval(sweep);
  return { unfinished };
}
