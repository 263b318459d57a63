import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HttpServer, startHttpServer } from '../src/http-server.ts';
import { createLogRecorder } from './log-recorder.ts';
import { problemShape } from './problem-shape.ts';

let server: HttpServer;
const { logger, lines } = createLogRecorder();
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

/** The one answer in what was received: a problem, with an id that the log has too. */
function expectProblem(received: string, status: number): void {
  const [head = '', body = '', ...more] = received.split('\r\n\r\n');
  expect(more).toEqual([]);
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head.match(/HTTP\/1/g)).toHaveLength(1);
  expect(head.toLowerCase()).toContain('content-type: application/problem+json');
  const problem = problemShape.parse(JSON.parse(body));
  expect(problem).toMatchObject({ code: 'invalid_request', status });
  expect(head.toLowerCase()).toContain(`x-request-id: ${problem.requestId}`);
  expect(
    lines.filter(({ fields }) => fields['requestId'] === problem.requestId && fields['status'] === status),
  ).toHaveLength(1);
}

describe('what is no proper HTTP is a problem as any other error', () => {
  let calls: string[];
  const host = 'Host: localhost\r\n';
  beforeEach(async () => {
    calls = [];
    const fetch = async (request: Request) => {
      calls.push(await request.text());
      return new Response('fine');
    };
    server = await startHttpServer({ fetch, logger, host: '127.0.0.1', port: 0 });
  });

  test.each([
    ['large headers', `GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['headers without end', `GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(2_000_000)}`, 431],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', `GET / HTTP/1.1\r\n${host}Host: other\r\n\r\n`, 400],
    ['no Host but a body', 'POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello', 400],
    ['two lengths', `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a negative length', `POST / HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`, 400],
    ['junk', '\x16\x03\x01\x02\x00\x01\x00', 400],
    ['a broken chunk', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n`, 400],
    ['an end in the middle of the headers', `GET / HTTP/1.1\r\n${host}`, 400],
  ])('%s', async (_, text, status) => {
    const { socket, closed, received } = await connect(text);
    if (!text.includes('\r\n\r\n') && status === 400) socket.end();
    await closed;
    expectProblem(received(), status);
    expect(calls).toEqual([]);
    expect(await (await globalThis.fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe('fine');
  });

  test('HTTP/1.0 needs no Host, and no Expect stops a request', async () => {
    const old = await connect('GET / HTTP/1.0\r\n\r\n');
    await old.closed;
    expect(old.received()).toMatch(/^HTTP\/1.1 200 /);
    const odd = await connect(`GET / HTTP/1.1\r\n${host}Expect: nonsense\r\nConnection: close\r\n\r\n`);
    await odd.closed;
    expect(odd.received()).toMatch(/^HTTP\/1.1 200 /);
  });

  test('junk after an answer gets an answer of its own', async () => {
    const { socket, closed, received } = await connect(`GET / HTTP/1.1\r\n${host}\r\n`);
    await once(socket, 'data');
    socket.write('junk\r\n\r\n');
    await closed;
    const [first, second] = received().split(/(?=HTTP\/1\.1 400)/);
    expect(first).toMatch(/^HTTP\/1.1 200 /);
    expectProblem(second ?? '', 400);
  });
});

test('junk behind a request that waits is not taken for its answer', async () => {
  const asked = Promise.withResolvers<void>();
  const fetch = () => {
    asked.resolve();
    return new Promise<Response>(() => undefined);
  };
  server = await startHttpServer({ fetch, logger, host: '127.0.0.1', port: 0 });
  const { socket, closed, received } = await connect('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await asked.promise;
  socket.write('junk\r\n\r\n');
  await closed;
  expect(received()).toBe('');
});

test('an early answer reaches who is still sending, and nothing is written behind it', async () => {
  const fetch = async (request: Request) => {
    await request.body?.getReader().read();
    return new Response('enough', { status: 413 });
  };
  server = await startHttpServer({
    fetch,
    logger,
    host: '127.0.0.1',
    port: 0,
    headersTimeoutMs: 200,
    requestTimeoutMs: 400,
  });
  const { socket, closed, received } = await connect(
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n',
  );
  for (let sent = 0; sent < 9; sent++) socket.write(Buffer.alloc(1_000_000));
  await closed;
  expect(received()).toMatch(/^HTTP\/1.1 413 /);
  expect(received()).toMatch(/enough(\r\n0\r\n\r\n)?$/);
});

describe('clients that take for ever', () => {
  const fetch = async (request: Request) => new Response(await request.text());

  test('to send their headers are cut off', async () => {
    server = await startHttpServer({
      fetch,
      logger,
      host: '127.0.0.1',
      port: 0,
      headersTimeoutMs: 200,
      requestTimeoutMs: 60_000,
    });
    const { socket, closed, received } = await connect('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    const drip = setInterval(() => socket.write('x'), 50);
    await closed;
    clearInterval(drip);
    expectProblem(received(), 408);
  });

  test('to send their body are cut off', async () => {
    server = await startHttpServer({
      fetch,
      logger,
      host: '127.0.0.1',
      port: 0,
      headersTimeoutMs: 200,
      requestTimeoutMs: 300,
    });
    const { socket, closed, received } = await connect(
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n',
    );
    const drip = setInterval(() => socket.write('x'), 50);
    await closed;
    clearInterval(drip);
    expectProblem(received(), 408);
  });
});

test('who sends much may take longer, as long as it keeps coming', async () => {
  const fetch = async (request: Request) => new Response(String((await request.arrayBuffer()).byteLength));
  server = await startHttpServer({ fetch, logger, host: '127.0.0.1', port: 0, requestTimeoutMs: 300 });
  const pieces = 20;
  const { socket, closed, received } = await connect(
    `POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${pieces * 64 * 1024}\r\n\r\n`,
  );
  for (let sent = 0; sent < pieces; sent++) {
    socket.write(Buffer.alloc(64 * 1024));
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  await closed;
  expect(received()).toMatch(/^HTTP\/1.1 200 /);
  expect(received()).toContain(String(pieces * 64 * 1024));
});

test('a fault outside of the app is a problem that leaks nothing', async () => {
  const fetch = () => Promise.reject(new Error('secret'));
  server = await startHttpServer({ fetch, logger, host: '127.0.0.1', port: 0 });
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
  server = await startHttpServer({ fetch, logger, host: '127.0.0.1', port: 0 });
  const { closed, received } = await connect('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await asked.promise;
  const drained = server.drain(30_000);
  answer.resolve(new Response('late'));
  expect(await drained).toEqual({ unfinished: false });
  await closed;
  expect(received()).toContain('late');
});
