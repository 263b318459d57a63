import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { serve, type TestServer } from '@glyphmill/test-servers/http';
import { afterEach, describe, expect, test } from 'vitest';
import { type ApiRequest, createApiRequester } from '../src/jobs/api-requester.ts';
import { UploadError } from '../src/jobs/multipart.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(listener: RequestListener): Promise<string> {
  const server = await serve(listener);
  servers.push(server);
  return `http://127.0.0.1:${server.port}/`;
}

/** Sends one request and tells how long it would have slept. */
async function send(url: string, request: Partial<ApiRequest> = {}, signal = new AbortController().signal) {
  const sleeps: number[] = [];
  const told: string[] = [];
  let lost = 0;
  const requester = createApiRequester({
    connection: { baseUrl: new URL(url), authorization: 'Basic c2VjcmV0' },
    signal,
    onRetry: (error) => told.push(error.code),
    sleep: async (ms) => void sleeps.push(ms),
  });
  const answer = await requester({ method: 'GET', path: 'jobs', ...request }, () => lost++).catch(
    (error: unknown) => error,
  );
  return { answer, sleeps, told, lost };
}

type Reply = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string } | 'cut';

/** Gives each of the replies in turn, the last one for good. */
function replying(...replies: Reply[]) {
  const state = { requests: 0 };
  const listener: RequestListener = (request, response) => {
    const reply = replies[Math.min(state.requests++, replies.length - 1)]!;
    void text(request).then(() => {
      if (reply === 'cut') request.socket.destroy();
      else response.writeHead(reply.status, reply.headers).end(reply.body ?? '{}');
    });
  };
  return { listener, state };
}

const problem = (code: string) => JSON.stringify({ code, detail: `It is ${code}` });
const busy = (retryAfter: string): Reply => ({
  status: 429,
  headers: { 'retry-after': retryAfter },
  body: problem('queue_full'),
});
const ok: Reply = { status: 200, body: '{"fine":true}' };

describe('createApiRequester', () => {
  test('comes back when it was told to, and not before', async () => {
    const { listener, state } = replying(busy('7'), busy('1'), ok);
    const { answer, sleeps, told } = await send(await start(listener));
    expect(answer).toEqual({ status: 200, body: { fine: true } });
    expect(sleeps[0]).toBe(7000);
    expect(sleeps[1]).toBeGreaterThanOrEqual(1000);
    expect(told).toEqual(['queue_full', 'queue_full']);
    expect(state.requests).toBe(3);
  });

  test('does not sit there for minutes', async () => {
    const { answer, sleeps } = await send(await start(replying(busy('61')).listener));
    expect(answer).toMatchObject({ code: 'queue_full', message: 'It is queue_full', status: 429 });
    expect(sleeps).toEqual([]);
  });

  test('gives up after a few tries, each later than the last', async () => {
    const { listener, state } = replying({ status: 503, body: problem('store_unavailable') });
    const { answer, sleeps } = await send(await start(listener));
    expect(answer).toMatchObject({ code: 'store_unavailable' });
    expect(state.requests).toBe(5);
    expect(sleeps).toHaveLength(4);
    for (const [index, ms] of sleeps.entries()) {
      expect(ms).toBeGreaterThanOrEqual(500 * 2 ** index);
      expect(ms).toBeLessThanOrEqual(625 * 2 ** index);
    }
  });

  test.each([401, 404, 409, 422, 500, 507])('%i is final', async (status) => {
    const { listener, state } = replying({ status, body: problem('some_code') });
    expect((await send(await start(listener))).answer).toMatchObject({ code: 'some_code', status });
    expect(state.requests).toBe(1);
  });

  test('an answer that was lost is asked for again, and told', async () => {
    const { listener } = replying(busy('0'), 'cut', 'cut', ok);
    const { answer, lost, told } = await send(await start(listener), { method: 'POST', body: () => 'x' });
    expect(answer).toMatchObject({ status: 200 });
    expect({ lost, told }).toEqual({ lost: 2, told: ['queue_full', 'api_unreachable', 'api_unreachable'] });
  });

  test('who never answers is soon given up', async () => {
    const server = await serve(() => undefined);
    const url = `http://127.0.0.1:${server.port}/`;
    await server.close();
    const { answer, sleeps } = await send(url);
    expect(answer).toMatchObject({ code: 'api_unreachable', message: expect.stringContaining('ECONNREFUSED') });
    expect(sleeps).toHaveLength(1);
  });

  test('what is no API is said to be none', async () => {
    const page: Reply = { status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>Not here</h1>' };
    expect((await send(await start(replying(page).listener))).answer).toMatchObject({ code: 'unexpected_answer' });
  });

  test('credentials go to nobody else', async () => {
    const other = replying(ok);
    const location = await start(other.listener);
    const { listener } = replying({ status: 307, headers: { location } });
    expect((await send(await start(listener))).answer).toMatchObject({ code: 'unexpected_answer', status: 307 });
    expect(other.state.requests).toBe(0);
  });

  test('sends credentials and below a path', async () => {
    const seen: unknown[] = [];
    const url = await start((request, response) => {
      seen.push([request.url, request.headers.authorization]);
      response.end('{}');
    });
    await send(`${url}behind/proxy/`);
    expect(seen).toEqual([['/behind/proxy/jobs', 'Basic c2VjcmV0']]);
  });

  test('what cannot be read is not sent again', async () => {
    const { listener } = replying(ok);
    const { answer, sleeps } = await send(await start(listener), {
      method: 'POST',
      async *body() {
        yield Buffer.from('x');
        throw new UploadError(3, new Error('gone'));
      },
    });
    expect(answer).toBeInstanceOf(UploadError);
    expect(sleeps).toEqual([]);
  });

  test('an early answer is heard, and the body let go', async () => {
    let isReleased = false;
    const url = await start((request, response) => {
      response.once('finish', () => request.resume());
      response.writeHead(413).end(problem('body_too_large'));
    });
    const { answer } = await send(url, {
      method: 'POST',
      async *body() {
        try {
          for (;;) yield Buffer.alloc(65_536);
        } finally {
          isReleased = true;
        }
      },
    });
    expect(answer).toMatchObject({ code: 'body_too_large' });
    await expect.poll(() => isReleased).toBe(true);
  });

  test('a signal ends it', async () => {
    const stop = new AbortController();
    const url = await start(() => {
      stop.abort();
    });
    const { answer, sleeps } = await send(url, {}, stop.signal);
    expect(answer).toBe(stop.signal.reason);
    expect(sleeps).toEqual([]);
  });
});
