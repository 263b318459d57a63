import { gzipSync } from 'node:zlib';
import { OcrError } from '../src/errors.ts';
import { buildConnector } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { createImageFetcher, type ImageFetcherOptions } from '../src/fetch/fetch.ts';
import { serve, serveRaw, serveTls, testCertificate, type TestServer } from '@glyphmill/test-servers/http';

const image = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));
const secret = 'token=s3cr3t';
const servers: TestServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function started(server: Promise<TestServer>): Promise<TestServer> {
  servers.push(await server);
  return server;
}

interface Extra extends Partial<ImageFetcherOptions> {
  readonly signal?: AbortSignal;
  readonly reserve?: (bytes: number) => Promise<void>;
}

/** Allows 127.0.0.1 alone, unless told otherwise. */
async function download(url: string, { signal, reserve, ...options }: Extra = {}): Promise<Uint8Array> {
  const fetchImage = createImageFetcher({
    maxBytes: 1_000_000,
    timeoutMs: 10_000,
    allowCidrs: ['127.0.0.1/32'],
    ...options,
  });
  return fetchImage(url, {
    signal: signal ?? new AbortController().signal,
    ...(reserve === undefined ? {} : { reserve }),
  });
}

async function failure(url: string, extra: Extra = {}): Promise<OcrError> {
  const error: unknown = await download(url, extra).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OcrError);
  expect((error as OcrError).message).not.toContain('s3cr3t');
  expect((error as OcrError).message).not.toMatch(/127\.|http:|images\.test/);
  return error as OcrError;
}

const answers =
  (...addresses: string[]) =>
  async () =>
    addresses;

describe('a download that works', () => {
  test('gives the bytes, and sends nothing that could be told apart from the URL', async () => {
    let seen: Record<string, unknown> = {};
    const server = await started(
      serve((request, response) => {
        seen = { url: request.url, ...request.headers };
        response.setHeader('set-cookie', 'a=b');
        response.end(image);
      }),
    );
    const bytes = await download(`http://images.test:${server.port}/a%20b.png?${secret}#part`, {
      resolve: answers('127.0.0.1'),
    });
    expect(Buffer.compare(bytes, image)).toBe(0);
    expect(seen).toMatchObject({
      url: `/a%20b.png?${secret}`,
      host: `images.test:${server.port}`,
      'accept-encoding': 'identity',
    });
    expect(Object.keys(seen)).not.toContain('cookie');
    expect(Object.keys(seen)).not.toContain('authorization');
  });

  test('works without a content-length, and reserves room for the largest image then', async () => {
    const reserved: number[] = [];
    const reserve = async (bytes: number) => void reserved.push(bytes);
    const chunked = await started(
      serve((_request, response) => {
        response.write(image.subarray(0, 100));
        response.end(image.subarray(100));
      }),
    );
    const sized = await started(
      serve((_request, response) => response.setHeader('content-length', image.length).end(image)),
    );
    expect(Buffer.compare(await download(`http://127.0.0.1:${chunked.port}/`, { reserve }), image)).toBe(0);
    expect(Buffer.compare(await download(`http://127.0.0.1:${sized.port}/`, { reserve }), image)).toBe(0);
    expect(reserved).toEqual([1_000_000, image.length]);
  });

  test('keeps no connection open afterwards', async () => {
    const closed = Promise.withResolvers<void>();
    const server = await started(
      serve((request, response) => {
        request.socket.once('close', () => closed.resolve());
        response.end(image);
      }),
    );
    await download(`http://127.0.0.1:${server.port}/`);
    await closed.promise;
  });

  test('speaks TLS with the name as SNI, and checks the certificate', async () => {
    const server = await started(serveTls((_request, response) => response.end(image)));
    const resolve = answers('127.0.0.1');
    const url = `https://images.test:${server.port}/?${secret}`;
    expect(await download(url, { resolve, ca: testCertificate })).toHaveLength(image.length);
    expect(await failure(url, { resolve })).toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('certificate is not trusted'),
    });
    expect(await failure(`https://other.test:${server.port}/`, { resolve, ca: testCertificate })).toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('TLS'),
    });
    const plain = await started(serve((_request, response) => response.end(image)));
    expect(await failure(`https://images.test:${plain.port}/`, { resolve })).toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('TLS'),
    });
  });

  test('goes on to the next address where the first does not answer', async () => {
    const server = await started(serve((_request, response) => response.end(image)));
    const resolve = answers('127.0.0.2', '127.0.0.1');
    const bytes = await download(`http://images.test:${server.port}/`, { resolve, allowCidrs: ['127.0.0.0/8'] });
    expect(bytes).toHaveLength(image.length);
  });

  test('undoes gzip from a store that sends nothing else', async () => {
    const server = await started(
      serve((_request, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(image))),
    );
    expect(Buffer.compare(await download(`http://127.0.0.1:${server.port}/`), image)).toBe(0);
  });
});

describe('addresses that are not public', () => {
  test.each([
    'http://127.0.0.1:PORT/',
    'http://2130706433:PORT/',
    'http://0x7f.1:PORT/',
    'http://017700000001:PORT/',
    'http://127.1:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[::1]:PORT/',
    'http://0.0.0.0:PORT/',
    'http://[::]:PORT/',
    'http://169.254.169.254/latest/meta-data/',
    'http://localhost:PORT/',
    'https://127.0.0.1:PORT/',
  ])('refuses %s', async (url) => {
    const server = await started(serve((_request, response) => response.end(image)));
    const error = await failure(url.replace('PORT', String(server.port)), { allowCidrs: [] });
    expect(error.code).toBe('url_not_allowed');
    expect(server.connections()).toBe(0);
  });

  test.each([
    ['loopback', ['127.0.0.1']],
    ['IPv4-mapped loopback', ['::ffff:127.0.0.1']],
    ['one good and one bad address', ['93.184.215.14', '127.0.0.1']],
    ['one bad and one good address', ['10.0.0.1', '93.184.215.14']],
  ])('refuses a name that resolves to %s', async (_what, addresses) => {
    const server = await started(serve((_request, response) => response.end(image)));
    const error = await failure(`http://images.test:${server.port}/`, {
      allowCidrs: [],
      resolve: async () => addresses,
    });
    expect(error.code).toBe('url_not_allowed');
    expect(server.connections()).toBe(0);
  });

  test('connects to what was checked, though the name resolves elsewhere a moment later', async () => {
    const good = await started(serve((_request, response) => response.end('good'), '127.0.0.1'));
    let asked = 0;
    const resolve = async () => {
      asked += 1;
      return [asked === 1 ? '127.0.0.1' : '127.0.0.2'];
    };
    const bytes = await download(`http://images.test:${good.port}/`, { resolve });
    expect(Buffer.from(bytes).toString()).toBe('good');
    expect(asked).toBe(1);
  });

  test('sends nothing where the connection leads to another address than was checked', async () => {
    let requests = 0;
    const bad = await started(
      serve((_request, response) => {
        requests += 1;
        response.end('bad');
      }, '127.0.0.2'),
    );
    const dial: typeof buildConnector = (options) => {
      const connector = buildConnector(options);
      return (target, callback) => connector({ ...target, hostname: '127.0.0.2' }, callback);
    };
    const error = await failure(`http://images.test:${bad.port}/`, { resolve: answers('127.0.0.1'), dial });
    expect(error.code).toBe('url_not_allowed');
    expect(requests).toBe(0);
  });

  test('checks the host list too', async () => {
    const server = await started(serve((_request, response) => response.end(image)));
    const options = { allowHosts: ['*.cdn.test'], resolve: answers('127.0.0.1') };
    expect(await download(`http://a.cdn.test:${server.port}/`, options)).toHaveLength(image.length);
    expect((await failure(`http://images.test:${server.port}/`, options)).code).toBe('url_not_allowed');
  });
});

describe('redirects', () => {
  async function redirecting(location: string, status = 302): Promise<string> {
    const server = await started(
      serve((request, response) => {
        if (request.url === '/image.png') response.end(image);
        else response.writeHead(status, { location }).end('moved');
      }),
    );
    return `http://127.0.0.1:${server.port}/start?${secret}`;
  }

  test.each([301, 302, 303, 307, 308])('follows %i to a relative location', async (status) => {
    expect(await download(await redirecting('/image.png', status))).toHaveLength(image.length);
  });

  test.each(['http://127.0.0.2:9/', 'http://[::1]:9/', 'http://169.254.169.254/', 'http://localhost:9/a'])(
    'refuses one to %s',
    async (location) => {
      const resolve = answers('127.0.0.3');
      expect((await failure(await redirecting(location), { resolve })).code).toBe('url_not_allowed');
    },
  );

  test.each([
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'data:image/png;base64,AA',
    'http://a:b@127.0.0.1/',
    'http://[',
  ])('refuses one to %s', async (location) => {
    expect((await failure(await redirecting(location))).code).toBe('url_not_allowed');
  });

  test('checks the name again at each of them', async () => {
    const target = await started(serve((_request, response) => response.end(image), '127.0.0.2'));
    const origin = await started(
      serve((_request, response) => response.writeHead(302, { location: `http://images.test:${target.port}/` }).end()),
    );
    let asked = 0;
    const resolve = async () => {
      asked += 1;
      return [asked === 1 ? '127.0.0.1' : '127.0.0.2'];
    };
    expect((await failure(`http://images.test:${origin.port}/`, { resolve })).code).toBe('url_not_allowed');
    expect(target.connections()).toBe(0);
  });

  test('gives up a loop after three', async () => {
    let requests = 0;
    const server = await started(
      serve((_request, response) => {
        requests += 1;
        response.writeHead(302, { location: '/again' }).end();
      }),
    );
    expect(await failure(`http://127.0.0.1:${server.port}/`)).toMatchObject({
      code: 'download_failed',
      retryable: false,
    });
    expect(requests).toBe(4);
  });

  test('takes one without a location for an answer that is no image', async () => {
    const server = await started(serve((_request, response) => response.writeHead(302).end()));
    expect(await failure(`http://127.0.0.1:${server.port}/`)).toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('the server answered 302'),
    });
  });
});

describe('answers that are no image', () => {
  test.each([
    [404, false],
    [401, false],
    [408, true],
    [425, true],
    [429, true],
    [500, true],
    [503, true],
    [206, false],
    [304, false],
  ])('status %i: retryable %s', async (status, retryable) => {
    const server = await started(serve((_request, response) => response.writeHead(status).end()));
    expect(await failure(`http://127.0.0.1:${server.port}/?${secret}`)).toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining(`the server answered ${status}`),
      retryable,
    });
  });

  test('a name that does not resolve', async () => {
    const resolve = async () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND images.test'), { code: 'ENOTFOUND' });
    };
    const error = await failure('http://images.test/', { resolve });
    expect(error).toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('the name does not resolve'),
    });
    expect((await failure('http://images.test/', { resolve: answers() })).message).toBe(error.message);
  });

  test('connection refused', async () => {
    const server = await serve(() => {});
    await server.close();
    expect(await failure(`http://127.0.0.1:${server.port}/`)).toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('connection refused'),
    });
  });

  test.each([
    ['a body shorter than promised', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort'],
    ['a chunk that is cut', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nshort'],
    ['no last chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n'],
    ['headers that end early', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['nothing at all', ''],
  ])('the connection broke: %s', async (_what, answer) => {
    const server = await started(serveRaw((socket) => socket.once('data', () => socket.end(answer))));
    expect(await failure(`http://127.0.0.1:${server.port}/`)).toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('the connection broke'),
      retryable: true,
    });
  });

  test('a reset in the middle of the body', async () => {
    const server = await started(
      serveRaw((socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort', () => socket.resetAndDestroy());
        });
      }),
    );
    expect(await failure(`http://127.0.0.1:${server.port}/`)).toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('the connection broke'),
    });
  });

  test.each([
    ['what is not HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', 'not answer in valid HTTP'],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'x: yyyyyyyyyyyyyyyyyyyyyyyy\r\n'.repeat(2000)}\r\n`, 'too many headers'],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\nabcde',
      'not as long as it promised',
    ],
  ])('%s', async (_what, answer, message) => {
    const server = await started(serveRaw((socket) => socket.once('data', () => socket.end(answer))));
    expect(await failure(`http://127.0.0.1:${server.port}/`)).toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining(message),
    });
  });

  test.each([
    ['an encoding that nobody knows', 'rot13', image],
    ['a list of encodings', 'gzip, gzip', gzipSync(gzipSync(image))],
    ['gzip that is none', 'gzip', image],
    ['gzip that is cut', 'gzip', gzipSync(image).subarray(0, 100)],
  ])('%s', async (_what, encoding, body) => {
    const server = await started(
      serve((_request, response) => response.setHeader('content-encoding', encoding).end(body)),
    );
    expect((await failure(`http://127.0.0.1:${server.port}/`)).code).toBe('download_failed');
  });
});

describe('too many bytes', () => {
  test('by content-length, before the body is read', async () => {
    const reserved: number[] = [];
    const server = await started(
      serve((_request, response) => {
        response.writeHead(200, { 'content-length': 1_000_001 });
        response.flushHeaders();
      }),
    );
    const error = await failure(`http://127.0.0.1:${server.port}/`, {
      reserve: async (bytes) => void reserved.push(bytes),
    });
    expect(error.code).toBe('image_too_large');
    expect(reserved).toEqual([]);
  });

  test('without content-length, while they come', async () => {
    let sent = 0;
    const server = await started(
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
    expect((await failure(`http://127.0.0.1:${server.port}/`)).code).toBe('image_too_large');
    expect(sent).toBeLessThan(100e6);
  });

  test('from a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const server = await started(
      serve((_request, response) => response.setHeader('content-encoding', 'gzip').end(bomb)),
    );
    expect(bomb.length).toBeLessThan(100_000);
    expect((await failure(`http://127.0.0.1:${server.port}/`)).code).toBe('image_too_large');
  });

  test('exactly as many as allowed are fine', async () => {
    const server = await started(serve((_request, response) => response.end(image)));
    const url = `http://127.0.0.1:${server.port}/`;
    expect(await download(url, { maxBytes: image.length })).toHaveLength(image.length);
    expect((await failure(url, { maxBytes: image.length - 1 })).code).toBe('image_too_large');
  });
});

describe('servers that take their time', () => {
  const timeoutMs = 400;

  test('a drop of header now and then', async () => {
    const server = await started(
      serveRaw((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nx: ');
        const drip = setInterval(() => socket.write('y'), 50);
        socket.once('close', () => clearInterval(drip));
      }),
    );
    expect((await failure(`http://127.0.0.1:${server.port}/`, { timeoutMs })).code).toBe('download_timeout');
  });

  test('a drop of body now and then', async () => {
    const server = await started(
      serveRaw((socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
        const drip = setInterval(() => socket.write('y'), 50);
        socket.once('close', () => clearInterval(drip));
      }),
    );
    expect((await failure(`http://127.0.0.1:${server.port}/`, { timeoutMs })).code).toBe('download_timeout');
  });

  test('interim answers without end', async () => {
    const server = await started(
      serveRaw((socket) => {
        const drip = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 50);
        socket.once('close', () => clearInterval(drip));
      }),
    );
    expect((await failure(`http://127.0.0.1:${server.port}/`, { timeoutMs })).code).toBe('download_timeout');
  });

  test('no answer, no handshake, a name server that hangs', async () => {
    const silent = await started(serveRaw(() => {}));
    const never = () => new Promise<never>(() => {});
    expect((await failure(`http://127.0.0.1:${silent.port}/`, { timeoutMs })).code).toBe('download_timeout');
    expect((await failure(`https://127.0.0.1:${silent.port}/`, { timeoutMs })).code).toBe('download_timeout');
    expect((await failure(`http://images.test/`, { timeoutMs, resolve: never })).code).toBe('download_timeout');
  });

  test('redirects that each take a little', async () => {
    const server = await started(
      serve((_request, response) => {
        setTimeout(() => response.writeHead(302, { location: '/again' }).end(), 250);
      }),
    );
    expect((await failure(`http://127.0.0.1:${server.port}/`, { timeoutMs })).code).toBe('download_timeout');
  });
});

describe('abort', () => {
  test('before it began', async () => {
    const server = await started(serve((_request, response) => response.end(image)));
    const signal = AbortSignal.abort(new Error('canceled'));
    await expect(download(`http://127.0.0.1:${server.port}/`, { signal })).rejects.toThrow();
    expect(server.connections()).toBe(0);
  });
});
