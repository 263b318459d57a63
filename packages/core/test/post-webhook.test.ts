import type { IncomingMessage } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { serve, serveRaw, serveTls, testCertificate, type TestServer } from '@glyphmill/test-servers/http';
import { OcrError } from '../src/errors.ts';
import { createWebhookPoster, type GuardOptions, type WebhookAnswer } from '../src/fetch/fetch.ts';

const secret = 'token=s3cr3t';
const servers: TestServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function started(server: Promise<TestServer>): Promise<TestServer> {
  servers.push(await server);
  return server;
}

interface Extra extends Partial<GuardOptions> {
  readonly signal?: AbortSignal;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Allows 127.0.0.1 alone, unless told otherwise. */
async function post(url: string, extra: Extra = {}): Promise<number> {
  return (await answerOf(url, extra)).status;
}

async function answerOf(url: string, extra: Extra = {}): Promise<WebhookAnswer> {
  const { signal = new AbortController().signal, headers = {}, body = '{}', ...options } = extra;
  const send = createWebhookPoster({ timeoutMs: 10_000, allowCidrs: ['127.0.0.1/32'], ...options });
  return send(url, { headers, body, signal });
}

async function failure(url: string, extra: Extra = {}): Promise<OcrError> {
  const error: unknown = await post(url, extra).then(
    (status) => status,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OcrError);
  expect((error as OcrError).message).not.toMatch(/s3cr3t|127\.|http:\/\/.*test|image/);
  return error as OcrError;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('a webhook that is delivered', () => {
  test('arrives whole, with its headers, and gives the status', async () => {
    const arrived: unknown[] = [];
    const server = await started(
      serve((request, response) => {
        void bodyOf(request).then((body) => {
          arrived.push({ method: request.method, url: request.url, headers: request.headers, body });
          response.writeHead(204).end();
        });
      }),
    );
    const status = await post(`http://hooks.test:${server.port}/a?${secret}#part`, {
      resolve: async () => ['127.0.0.1'],
      headers: { 'content-type': 'application/json', 'webhook-id': 'evt-1' },
      body: '{"state":"succeeded","name":"Åse"}',
    });
    expect(status).toBe(204);
    expect(arrived).toEqual([
      {
        method: 'POST',
        url: `/a?${secret}`,
        headers: expect.objectContaining({
          host: `hooks.test:${server.port}`,
          'content-type': 'application/json',
          'content-length': '35',
          'webhook-id': 'evt-1',
          'user-agent': 'glyphmill',
        }),
        body: '{"state":"succeeded","name":"Åse"}',
      },
    ]);
  });

  test.each([200, 202, 301, 302, 307, 308, 400, 404, 410, 429, 500, 503])(
    'status %i is given back, and no redirect followed',
    async (answered) => {
      const server = await started(
        serve((_request, response) => response.writeHead(answered, { location: '/elsewhere' }).end('whatever')),
      );
      expect(await post(`http://127.0.0.1:${server.port}/`)).toBe(answered);
      expect(server.connections()).toBe(1);
    },
  );

  test.each([
    ['7', 7_000],
    ['0', 0],
    [new Date(Date.now() + 600_000).toUTCString(), 600_000],
    [new Date(0).toUTCString(), undefined],
    ['soon', undefined],
    ['-5', undefined],
  ])('says when its receiver wants the next one: Retry-After: %s', async (header, retryAfterMs) => {
    const server = await started(
      serve((_request, response) => response.writeHead(503, { 'retry-after': header }).end()),
    );
    const answered = await answerOf(`http://127.0.0.1:${server.port}/`);
    expect(answered.status).toBe(503);
    if (retryAfterMs === undefined) expect(answered.retryAfterMs).toBeUndefined();
    // A date has seconds, and the test takes time.
    else expect(Math.abs(Number(answered.retryAfterMs) - retryAfterMs)).toBeLessThan(30_000);
  });

  test('over TLS, with a certificate that is checked', async () => {
    const server = await started(serveTls((_request, response) => response.writeHead(200).end()));
    const url = `https://images.test:${server.port}/`;
    const resolve = async () => ['127.0.0.1'];
    expect(await post(url, { resolve, ca: testCertificate })).toBe(200);
    expect(await failure(url, { resolve })).toMatchObject({
      code: 'download_failed',
      message: "The webhook could not be delivered: TLS: the server's certificate is not trusted",
    });
  });

  test('though its answer has no end, or breaks off', async () => {
    let sent = 0;
    const endless = await started(
      serve((_request, response) => {
        const chunk = Buffer.alloc(65_536);
        const sendMore = (): void => {
          do sent += chunk.length;
          while (!response.destroyed && sent < 200e6 && response.write(chunk));
        };
        response.on('drain', sendMore);
        sendMore();
      }),
    );
    expect(await post(`http://127.0.0.1:${endless.port}/`)).toBe(200);
    expect(sent).toBeLessThan(100e6);
    const broken = await started(
      serveRaw((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\nabc')),
      ),
    );
    expect(await post(`http://127.0.0.1:${broken.port}/`)).toBe(201);
    const slow = await started(
      serveRaw((socket) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'))),
    );
    expect(await post(`http://127.0.0.1:${slow.port}/`, { timeoutMs: 300 })).toBe(200);
  });
});

describe('a webhook that is not', () => {
  test.each([
    'http://127.0.0.1:PORT/',
    'http://2130706433:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://localhost:PORT/',
    'http://hooks.test:PORT/',
    'http://me:pass@127.0.0.1:PORT/',
    'ftp://127.0.0.1:PORT/',
    'nonsense',
  ])('to %s: nothing is sent', async (url) => {
    const server = await started(serve((_request, response) => response.end()));
    const resolve = async () => ['93.184.215.14', '127.0.0.1'];
    const error = await failure(url.replace('PORT', String(server.port)), { allowCidrs: [], resolve });
    expect(error.code).toBe('url_not_allowed');
    expect(error.message).toMatch(/^The callback URL /);
    expect(server.connections()).toBe(0);
  });

  test('to a host that is not listed', async () => {
    const options = { allowHosts: ['hooks.test'], resolve: async () => ['127.0.0.1'] };
    const server = await started(serve((_request, response) => response.end()));
    expect(await post(`http://hooks.test:${server.port}/`, options)).toBe(200);
    expect((await failure(`http://other.test:${server.port}/`, options)).code).toBe('url_not_allowed');
  });

  test('connection refused, a broken connection, no HTTP', async () => {
    const gone = await serve(() => {});
    await gone.close();
    expect(await failure(`http://127.0.0.1:${gone.port}/?${secret}`)).toMatchObject({
      code: 'download_failed',
      message: 'The webhook could not be delivered: connection refused',
      retryable: true,
    });
    for (const answer of ['', 'SSH-2.0-OpenSSH_9.6\r\n']) {
      const server = await started(serveRaw((socket) => socket.once('data', () => socket.end(answer))));
      expect((await failure(`http://127.0.0.1:${server.port}/`)).code).toBe('download_failed');
    }
  });

  test('no answer in time, and each stage before it', async () => {
    const timeoutMs = 300;
    const silent = await started(serveRaw(() => {}));
    const resolve = () => new Promise<never>(() => {});
    expect((await failure(`http://127.0.0.1:${silent.port}/`, { timeoutMs })).code).toBe('download_timeout');
    expect((await failure(`https://127.0.0.1:${silent.port}/`, { timeoutMs })).code).toBe('download_timeout');
    expect((await failure('http://hooks.test/', { timeoutMs, resolve })).code).toBe('download_timeout');
  });

  test('aborted by the caller', async () => {
    const silent = await started(serveRaw(() => {}));
    const controller = new AbortController();
    setTimeout(() => controller.abort('stopping'), 100);
    await expect(post(`http://127.0.0.1:${silent.port}/`, { signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});
