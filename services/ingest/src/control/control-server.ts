import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { inboxRoutes, type InboxStatus } from '@glyphmill/core/inbox';
import { listenOnSocket } from './control-socket.ts';
import { StatusEvents } from './status-events.ts';

/** What can be asked of the service. */
export interface Steering {
  status(): Promise<InboxStatus>;
  scan(): void;
  pause(): void;
  resume(): void;
}

export interface ControlServerOptions {
  readonly socketPath: string;
  /** Questions that come before it is there wait for it. */
  readonly steering: Promise<Steering>;
}

export interface ControlServer {
  /** The socket's file goes, too. */
  close(): Promise<void>;
}

/** The control socket; see the contract in the core. Throws SocketTaken. */
export async function startControlServer({ socketPath, steering }: ControlServerOptions): Promise<ControlServer> {
  const events = new StatusEvents({ status: async () => (await steering).status() });
  const server = createServer((request, response) => {
    // Questions have no body that anybody would read.
    request.resume();
    const answering = steering.then((steers) => answer({ request, response, steering: steers, events }));
    answering.catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  await listenOnSocket(server, socketPath);
  return {
    close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => {
        resolve();
      });
      events.close();
      server.closeAllConnections();
      return promise;
    },
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly steering: Steering;
  readonly events: StatusEvents;
}

async function answer({ request, response, steering, events }: Exchange): Promise<void> {
  const path = (request.url ?? '/').split('?')[0];
  const act = async (status: number, action: () => void): Promise<void> => {
    action();
    sendJson(response, status, await steering.status());
  };
  const isPost = request.method === 'POST';
  switch (path) {
    case inboxRoutes.status:
      return request.method === 'GET' ? act(200, () => undefined) : refuseMethod(response, 'GET');
    case inboxRoutes.events:
      if (request.method !== 'GET') return refuseMethod(response, 'GET');
      if (!(await events.add(response))) sendJson(response, 503, { status: 'too many listeners' });
      return undefined;
    case inboxRoutes.scan:
      return isPost ? act(202, () => steering.scan()) : refuseMethod(response, 'POST');
    case inboxRoutes.pause:
      return isPost ? act(200, () => steering.pause()) : refuseMethod(response, 'POST');
    case inboxRoutes.resume:
      return isPost ? act(200, () => steering.resume()) : refuseMethod(response, 'POST');
    default:
      sendJson(response, 404, { status: 'not found' });
      return undefined;
  }
}

function refuseMethod(response: ServerResponse, allow: string): void {
  response.writeHead(405, { allow }).end();
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
