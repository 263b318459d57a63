import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Registry } from './metrics.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Why not; empty when ready. */
  readonly reasons: readonly string[];
}

export type DeepReadiness = Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>;

export interface OpsServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly registry: Registry;
  /** Started, models loaded, not draining; not whether others can be reached. */
  readonly readiness: () => Promise<Readiness>;
  /** What `/readyz?deep=1` adds: the state of each thing that the service needs. */
  readonly deepReadiness?: () => Promise<DeepReadiness>;
}

export interface OpsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** `/livez`, `/readyz` and `/metrics` on a port of their own, which stays open without credentials. */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  // Probes and scrapers send a few headers and no body.
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The ops server has no port');
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(options: OpsServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  switch (url.pathname) {
    case '/livez':
      sendJson(response, 200, { status: 'ok' });
      return;
    case '/readyz':
      await answerReadiness(options, url, response);
      return;
    case '/metrics': {
      const text = await options.registry.metrics();
      response.writeHead(200, { 'content-type': options.registry.contentType }).end(text);
      return;
    }
    default:
      sendJson(response, 404, { status: 'not found' });
  }
}

async function answerReadiness(options: OpsServerOptions, url: URL, response: ServerResponse): Promise<void> {
  const { ready, reasons } = await options.readiness();
  const deep = url.searchParams.get('deep') === '1' ? await options.deepReadiness?.() : undefined;
  const checksOk = deep === undefined || Object.values(deep).every((check) => check.ok);
  const ok = ready && checksOk;
  sendJson(response, ok ? 200 : 503, { ready: ok, reasons, ...(deep === undefined ? {} : { checks: deep }) });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
