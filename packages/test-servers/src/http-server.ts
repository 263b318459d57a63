import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';

/** A server of a test, on a free port of `host`. */
export interface TestServer {
  readonly port: number;
  /** How many connections were made to it. */
  connections(): number;
  close(): Promise<void>;
}

const fixtures = new URL('../fixtures/', import.meta.url);
/** Signs itself, for the name images.test; its key protects nothing. */
export const testCertificate = readFileSync(new URL('localhost-cert.pem', fixtures), 'utf8');

export async function serve(listener: RequestListener, host = '127.0.0.1'): Promise<TestServer> {
  return listen(createServer(listener), host);
}

export async function serveTls(listener: RequestListener): Promise<TestServer> {
  const key = readFileSync(new URL('localhost-key.pem', fixtures));
  return listen(createTlsServer({ key, cert: testCertificate }, listener), '127.0.0.1');
}

/** For answers that no HTTP server would give. */
export async function serveRaw(onConnection: (socket: Socket) => void): Promise<TestServer> {
  return listen(
    createTcpServer((socket) => {
      socket.on('error', () => {});
      // A socket that nobody reads never tells that it was closed.
      socket.resume();
      onConnection(socket);
    }),
    '127.0.0.1',
  );
}

async function listen(server: Server | TcpServer, host: string): Promise<TestServer> {
  let connections = 0;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
