import { createConnection, createServer, type AddressInfo } from 'node:net';

const timeoutMs = 2_000;

/** Whether a Redis behind `socketPath` answers; a loading or foreign server does not count. */
export function redisAnswers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socketPath);
    const done = (answer: boolean) => {
      connection.destroy();
      resolve(answer);
    };
    connection.setTimeout(timeoutMs, () => {
      done(false);
    });
    connection.once('error', () => {
      done(false);
    });
    connection.once('data', (data) => {
      done(data.toString('latin1').startsWith('+PONG'));
    });
    connection.write('PING\r\n');
  });
}

export async function httpReady(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  await response.body?.cancel();
  return response.ok;
}

export interface PortProbe {
  readonly host: string;
  /** 0 asks for any free one. */
  readonly port: number;
}

/** The port that could be listened on. Rejects with the system's error (EADDRINUSE, EACCES …). */
export function claimPort({ host, port }: PortProbe): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      const claimed = (server.address() as AddressInfo).port;
      server.close(() => {
        resolve(claimed);
      });
    });
  });
}
