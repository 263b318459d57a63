import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Route } from './routes.ts';

export interface ForwarderOptions {
  readonly host: string;
  readonly route: Route;
  /** More connections than that are hung up on at once: each costs memory here. */
  readonly maxConnections: number;
  /** A connection on which nothing moves for so long is closed. Longer than anything that the services hold open in silence. */
  readonly idleTimeoutMs: number;
}

export interface Forwarder {
  readonly port: number;
  /** Takes no more connections and resolves when those that are open have ended. */
  drain(): Promise<void>;
  /** Cuts what is still open. */
  cut(): void;
}

/**
 * Passes bytes between whoever connects and one service, and looks at none of them. The target's name is looked up for
 * each connection, since a container that comes back may have another address; while the target is away, connections
 * are closed as they come.
 */
export async function startForwarder(options: ForwarderOptions): Promise<Forwarder> {
  const { host, route, maxConnections, idleTimeoutMs } = options;
  const open = new Set<Socket>();
  const remember = (socket: Socket): void => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.setTimeout(idleTimeoutMs, () => socket.destroy());
  };
  // Half-open: a client may be done with sending long before it has its answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ host: route.targetHost, port: route.targetPort, allowHalfOpen: true, noDelay: true });
    remember(client);
    remember(target);
    // Errors of either side end both; there is nobody to tell.
    pipeline(client, target, () => undefined);
    pipeline(target, client, () => undefined);
  });
  server.maxConnections = maxConnections;
  await listen(server, { host, port: route.port });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : route.port,
    drain: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
    cut: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
