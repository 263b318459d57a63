import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/**
 * Where images come from: an HTTP server that misbehaves when its URL says so, `/<behavior>/<token>?…`. Loopback
 * addresses are forbidden to the worker but for the one that the stack allows, which is 127.0.0.2 as a rule.
 */
export type Behavior =
  | 'image'
  /** 404 */
  | 'missing'
  /** 500 */
  | 'broken'
  /** 206 with a part of the image */
  | 'part'
  /** A web page instead of an image. */
  | 'page'
  /** Nothing at all, 200. */
  | 'empty'
  /** To the `to` parameter. */
  | 'redirect'
  /** To itself. */
  | 'loop'
  /** Accepts the request and never answers. */
  | 'hang'
  /** The image, but no more than its first half before `openGate`. */
  | 'gate'
  /** A byte of the headers now and then. */
  | 'slow-headers'
  /** A byte of the body now and then. */
  | 'slow-body'
  /** Ends before the announced length. */
  | 'short'
  /** Announces a gigabyte. */
  | 'huge'
  /** Sends without end and says no length. */
  | 'endless'
  /** No HTTP. */
  | 'gibberish';

export interface ImageServer {
  readonly address: string;
  readonly port: number;
  /** All requests so far, by path and query. */
  readonly requests: readonly string[];
  /** All connections so far. */
  connections(): number;
  openConnections(): number;
  /** Lets through who waits at the `gate`, and all who come later. */
  openGate(): void;
  closeGate(): void;
  /** A URL with tokens in path and query that occur in no other. */
  url(behavior: Behavior, options?: UrlOptions): string;
  close(): Promise<void>;
}

export interface UrlOptions {
  /** Name of the image that is sent where one is. */
  readonly image?: string;
  /** Where `redirect` leads. */
  readonly to?: string;
  /** Another name for the server's address. */
  readonly host?: string;
}

export interface ImageServerOptions {
  readonly address: string;
  readonly images: ReadonlyMap<string, Uint8Array>;
  /** Begins every token; see leak-search.ts. */
  readonly token: string;
  /** A free one if not said. */
  readonly port?: number;
}

const dripEveryMs = 200;

export async function startImageServer({
  address,
  images,
  token,
  port: wantedPort = 0,
}: ImageServerOptions): Promise<ImageServer> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let issued = 0;
  let gate: PromiseWithResolvers<void> | undefined;
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.on('error', () => undefined);
    const url = new URL(request.url ?? '/', 'http://images');
    const image = images.get(url.searchParams.get('image') ?? 'gift-card') ?? Buffer.from('no such image');
    behave(url.pathname.split('/')[1] as Behavior, { request, response, url, image, gate: gate?.promise });
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(wantedPort, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address,
    port,
    requests,
    connections: () => connections,
    openConnections: () => sockets.size,
    openGate() {
      gate?.resolve();
      gate = undefined;
    },
    closeGate() {
      gate ??= Promise.withResolvers();
    },
    url(behavior, { image, to, host = address.includes(':') ? `[${address}]` : address } = {}) {
      issued += 1;
      const query = new URLSearchParams({ signature: `${token}-query-${issued}` });
      if (image !== undefined) query.set('image', image);
      if (to !== undefined) query.set('to', to);
      return `http://${host}:${port}/${behavior}/${token}-path-${issued}.png?${query.toString()}`;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly image: Uint8Array;
  /** Absent while it is open. */
  readonly gate: Promise<void> | undefined;
}

const behaviors: Readonly<Record<Behavior, (exchange: Exchange) => void>> = {
  image: ({ response, image }) => response.writeHead(200, { 'content-type': 'image/png' }).end(image),
  missing: ({ response }) => response.writeHead(404).end('not here'),
  broken: ({ response }) => response.writeHead(500).end('oh no'),
  part: ({ response, image }) => response.writeHead(206).end(image.subarray(0, 100)),
  page: ({ response }) =>
    response.writeHead(200, { 'content-type': 'image/png' }).end('<!doctype html><title>Sign in</title>'),
  empty: ({ response }) => response.writeHead(200, { 'content-type': 'image/png' }).end(),
  redirect: ({ response, url }) => response.writeHead(302, { location: url.searchParams.get('to') ?? '/' }).end(),
  loop: ({ response, request }) => response.writeHead(302, { location: request.url }).end(),
  hang: () => undefined,
  gate: ({ response, image, gate = Promise.resolve() }) => {
    const half = image.length / 2;
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': image.length });
    response.write(image.subarray(0, half));
    void gate.then(() => response.end(image.subarray(half)));
  },
  'slow-headers': ({ request }) => {
    request.socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
    drip(request.socket, () => request.socket.write('x'));
  },
  'slow-body': ({ request, response, image }) => {
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': image.length });
    let sent = 0;
    drip(request.socket, () => response.write(image.subarray(sent, ++sent)));
  },
  short: ({ request, response, image }) => {
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': image.length });
    response.write(image.subarray(0, image.length / 2), () => request.socket.destroy());
  },
  huge: ({ response }) => response.writeHead(200, { 'content-length': 1e9 }).write('x'),
  endless: ({ request, response }) => {
    const block = Buffer.alloc(64 * 1024);
    const more = (): void => {
      while (!request.socket.destroyed && response.write(block));
    };
    response.writeHead(200).on('drain', more);
    more();
  },
  gibberish: ({ request }) => request.socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
};

function behave(behavior: Behavior, exchange: Exchange): void {
  const act = Object.hasOwn(behaviors, behavior) ? behaviors[behavior] : behaviors.missing;
  act(exchange);
}

function drip(socket: Socket, drop: () => void): void {
  const timer = setInterval(drop, dripEveryMs);
  socket.once('close', () => {
    clearInterval(timer);
  });
}
