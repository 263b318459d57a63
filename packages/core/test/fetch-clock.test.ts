import { setImmediate as turn } from 'node:timers/promises';
import { createImageFetcher, type ImageFetcherOptions } from '../src/fetch/fetch.ts';
import { serve, serveRaw, type TestServer } from '@glyphmill/test-servers/http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

// Downloads whose clock stands still unless a test moves it. They have a file of their own, since undici keeps a timer
// for the whole process.
const servers: TestServer[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(async () => {
  vi.useRealTimers();
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

async function download(url: string, { signal, reserve, ...options }: Extra): Promise<Uint8Array> {
  const fetchImage = createImageFetcher({
    maxBytes: 1_000_000,
    timeoutMs: 1_000,
    allowCidrs: ['127.0.0.1/32'],
    ...options,
  });
  return fetchImage(url, {
    signal: signal ?? new AbortController().signal,
    ...(reserve === undefined ? {} : { reserve }),
  });
}

describe('the time of a download', () => {
  const image = Buffer.alloc(5_000);

  test('does not go on while it waits for room', async () => {
    const server = await started(serve((_request, response) => response.end(image)));
    const reserve = async () => void vi.advanceTimersByTime(1_500);
    expect(await download(`http://127.0.0.1:${server.port}/`, { reserve })).toHaveLength(image.length);
  });

  test('goes on where that was, once there is room', async () => {
    const isReading = Promise.withResolvers<void>();
    const server = await started(
      serveRaw((socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc')),
    );
    let isOver = false;
    const reserve = async () => {
      vi.advanceTimersByTime(1_500);
      isReading.resolve();
    };
    const reading = download(`http://127.0.0.1:${server.port}/`, { reserve }).finally(() => (isOver = true));
    reading.catch(() => undefined);
    await isReading.promise;
    await turn();
    vi.advanceTimersByTime(999);
    await turn();
    expect(isOver).toBe(false);
    vi.advanceTimersByTime(1);
    await expect(reading).rejects.toMatchObject({ code: 'download_timeout' });
  });
});

describe('an abort', () => {
  /** Whatever could end it but the abort stands still, which comes when `stage` has been reached. */
  async function expectAborted(url: string, stage: Promise<void>, extra: Extra = {}): Promise<void> {
    const controller = new AbortController();
    const downloading = download(url, { ...extra, signal: controller.signal });
    downloading.catch(() => undefined);
    await stage;
    await turn();
    controller.abort('canceled');
    await expect(downloading).rejects.toMatchObject({ name: 'AbortError' });
  }

  test('ends a download in its body, and its connection', async () => {
    const closed = Promise.withResolvers<void>();
    const server = await started(
      serveRaw((socket) => {
        socket.once('close', () => closed.resolve());
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc');
      }),
    );
    const inBody = Promise.withResolvers<void>();
    const reserve = async () => inBody.resolve();
    await expectAborted(`http://127.0.0.1:${server.port}/`, inBody.promise, { reserve });
    await closed.promise;
  });

  test.each(['http', 'https'])('ends a download whose server says nothing, by %s', async (protocol) => {
    const closed = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const server = await started(
      serveRaw((socket) => {
        socket.once('close', () => closed.resolve());
        socket.once('data', () => asked.resolve());
      }),
    );
    await expectAborted(`${protocol}://127.0.0.1:${server.port}/`, asked.promise);
    await closed.promise;
  });

  test('ends a download whose name is looked up', async () => {
    const asked = Promise.withResolvers<void>();
    const resolve = () => {
      asked.resolve();
      return new Promise<never>(() => {});
    };
    await expectAborted('http://images.test/', asked.promise, { resolve });
  });
});
