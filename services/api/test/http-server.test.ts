import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type HttpServer, startHttpServer } from '../src/http-server.ts';

let server: HttpServer;
afterEach(() => server.drain(0));

async function connect(text: string): Promise<{ socket: Socket; closed: Promise<unknown>; received: () => string }> {
  const socket = createConnection(server.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  socket.write(text);
  return { socket, closed, received: () => answer };
}

describe('clients that take for ever', () => {
  const fetch = async (request: Request) => new Response(await request.text());

  test('to send their headers are cut off', async () => {
    server = await startHttpServer({
      fetch,
      host: '127.0.0.1',
      port: 0,
      headersTimeoutMs: 200,
      requestTimeoutMs: 60_000,
    });
    const { socket, closed, received } = await connect('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    const drip = setInterval(() => socket.write('x'), 50);
    await closed;
    clearInterval(drip);
    expect(received()).toMatch(/^HTTP\/1.1 408 /);
  });

  test('to send their body are cut off', async () => {
    server = await startHttpServer({ fetch, host: '127.0.0.1', port: 0, headersTimeoutMs: 200, requestTimeoutMs: 300 });
    const { socket, closed, received } = await connect(
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n',
    );
    const drip = setInterval(() => socket.write('x'), 50);
    await closed;
    clearInterval(drip);
    expect(received()).not.toContain('200');
  });
});

test('a fault outside of the app is a problem that leaks nothing', async () => {
  const fetch = () => Promise.reject(new Error('secret'));
  server = await startHttpServer({ fetch, host: '127.0.0.1', port: 0 });
  const response = await globalThis.fetch(`http://127.0.0.1:${server.port}/`);
  expect(response.status).toBe(500);
  const text = await response.text();
  expect(text).toContain('"code":"internal"');
  expect(text).not.toContain('secret');
});

test('draining ends a connection that was in use, after its answer', async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  const fetch = () => {
    asked.resolve();
    return answer.promise;
  };
  server = await startHttpServer({ fetch, host: '127.0.0.1', port: 0 });
  const { closed, received } = await connect('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await asked.promise;
  const drained = server.drain(30_000);
  answer.resolve(new Response('late'));
  expect(await drained).toEqual({ unfinished: false });
  await closed;
  expect(received()).toContain('late');
});
