import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type ApiProcess, spawnApi, startApi } from './api-process.ts';
import { type ScriptedConsumer, startScriptedConsumer } from './scripted-consumer.ts';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';

const answerShape = z.looseObject({
  code: z.string().optional(),
  state: z.string().optional(),
  id: z.string().optional(),
  count: z.int().optional(),
  data: z.array(z.looseObject({ text: z.string(), confidence: z.number() })).optional(),
  result: z.looseObject({ data: z.array(z.looseObject({ text: z.string() })) }).optional(),
});

const script = (...lines: string[]) => `data:text/plain,${encodeURIComponent(lines.join('\n'))}`;

async function analyze(
  api: ApiProcess,
  imageUrl: string,
  { headers = {}, signal }: { headers?: Record<string, string>; signal?: AbortSignal } = {},
) {
  const response = await fetch(`${api.url}/analyze`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ image_url: imageUrl }),
    ...(signal && { signal }),
  });
  return { response, status: response.status, body: answerShape.parse(await response.json()) };
}

async function eventually(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await isTrue()) return;
    await delay(50);
  }
  throw new Error('It never happened');
}

/** What a server sends back for these very bytes. */
async function sendRaw(port: number, text: string): Promise<string> {
  const socket = createConnection(port, '127.0.0.1');
  socket.write(text);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  await Promise.race([once(socket, 'close'), eventually(() => answer.includes('\r\n\r\n'))]);
  socket.destroy();
  return answer;
}

let redis: TestRedis;
let consumer: ScriptedConsumer;
let api: ApiProcess;

beforeAll(async () => {
  redis = await startRedis();
  consumer = startScriptedConsumer(redis.url);
  api = await startApi({ REDIS_URL: redis.url, SYNC_TIMEOUT_MS: '20000' });
});
afterAll(async () => {
  await consumer.close();
  await api.stop();
  await redis.stop();
});

describe('through the queue', () => {
  test('a URL goes there and its text comes back', async () => {
    const { status, body } = await analyze(api, 'https://example.com/a%20b.png?x=1#top');
    expect(status).toBe(200);
    expect(body.data).toMatchObject([{ text: 'https://example.com/a%20b.png?x=1', confidence: 0.9123 }]);
  });

  test('the bytes of a data: URL too, and nothing of them stays', async () => {
    expect((await analyze(api, script('say:HELLO'))).body.data).toMatchObject([{ text: 'HELLO' }]);
    const id = consumer.taken.at(-1) ?? '';
    await eventually(
      async () => !(await redis.client.keys('*')).some((key) => /mailbox|input/.test(key) && key.includes(id)),
    );
  });

  test('a failed job is the problem that it met', async () => {
    expect(await analyze(api, script('fail:image_unreadable'))).toMatchObject({
      status: 422,
      body: { code: 'image_unreadable' },
    });
  });

  test('many at once, each with its own answer', async () => {
    const texts = Array.from({ length: 60 }, (_, index) => `page ${index}`);
    const answers = await Promise.all(texts.map((text) => analyze(api, script('after:5', `say:${text}`))));
    expect(answers.map(({ body }) => body.data?.[0]?.text)).toEqual(texts);
  });

  test('a caller whose patience ends gets 504, and the worker is stopped', async () => {
    const before = consumer.aborts.length;
    const { status, body } = await analyze(api, script('hang'), { headers: { prefer: 'wait=1' } });
    expect({ status, code: body.code }).toEqual({ status: 504, code: 'deadline_exceeded' });
    await eventually(() => consumer.aborts.length > before);
  });

  test('a caller who hangs up stops the worker', async () => {
    const before = { aborts: consumer.aborts.length, taken: consumer.taken.length };
    const controller = new AbortController();
    const answer = analyze(api, script('hang'), { signal: controller.signal });
    await eventually(() => consumer.taken.length > before.taken);
    controller.abort();
    await expect(answer).rejects.toThrow();
    await eventually(() => consumer.aborts.length > before.aborts);
    expect(consumer.aborts.at(-1)).toBe('canceled');
  });

  test('respond-async: the answer waits in the mailbox', async () => {
    const { response, status, body } = await analyze(api, script('after:1500', 'say:LATER'), {
      headers: { prefer: 'respond-async, wait=1' },
    });
    expect(status).toBe(202);
    expect(['queued', 'active']).toContain(body.state);
    const location = `${api.url}${response.headers.get('location') ?? ''}`;
    const ask = async () => answerShape.parse(await (await fetch(location)).json());
    await eventually(async () => (await ask()).state === 'succeeded');
    expect((await ask()).result?.data).toMatchObject([{ text: 'LATER' }]);
  });
});

describe('the ports', () => {
  test('metrics are on the ops port only', async () => {
    const metrics = await (await fetch(`${api.opsUrl}/metrics`)).text();
    expect(metrics).toMatch(/glyphmill_http_requests_total\{.*route="\/analyze",status="200".*\} \d+/);
    expect(metrics).toMatch(/glyphmill_queue_jobs\{.*lane="interactive".*\} 0/);
    expect((await fetch(`${api.url}/metrics`)).status).toBe(404);
  });

  test('both know whether the service is ready', async () => {
    for (const url of [api.url, api.opsUrl]) {
      await eventually(async () => (await fetch(`${url}/readyz?deep=1`)).status === 200);
      expect((await fetch(`${url}/livez`)).status).toBe(200);
    }
  });
});

describe('malformed HTTP', () => {
  test.each([
    ['a broken escape in the path', 'GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n', /^HTTP\/1.1 404 /],
    ['a broken UTF-8 escape', 'GET /jobs/%ff HTTP/1.1\r\nHost: localhost\r\n\r\n', /^HTTP\/1.1 404 /],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', /^HTTP\/1.1 4\d\d /],
    ['a foreign host', 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n', /^HTTP\/1.1 403 /],
    ['a foreign absolute target', 'GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n', /^HTTP\/1.1 403 /],
    ['a target without a path', 'GET nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n', /^HTTP\/1.1 4\d\d /],
    ['headers without end', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1.1 431 /],
    ['no HTTP at all', 'hello\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a strange method', 'PROPFIND /analyze HTTP/1.1\r\nHost: localhost\r\n\r\n', /^HTTP\/1.1 405 /],
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n', /^HTTP\/1.1 405 /],
  ])('%s', async (_, text, expected) => {
    expect(await sendRaw(api.port, text)).toMatch(expected);
    expect((await fetch(api.url)).status).toBe(200);
  });

  test('an endless chunked body is cut off with 413', async () => {
    const small = await startApi({ REDIS_URL: redis.url, MAX_IMAGE_BYTES: '1000' });
    const request = httpRequest(`${small.url}/analyze`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
    });
    request.on('error', () => undefined);
    const pump = setInterval(() => request.write(Buffer.alloc(16_384, 0x20)), 5);
    const [response] = (await once(request, 'response')) as [{ statusCode?: number }];
    expect(response.statusCode).toBe(413);
    clearInterval(pump);
    request.destroy();
    await small.stop();
  });
});

describe('many large bodies at once', () => {
  const maxImageBytes = 300_000;
  /** As much as a body of the largest image may have. */
  const bodyBytes = Math.floor(maxImageBytes * 1.4);
  let small: ApiProcess;
  let senders: Socket[];

  /** Announces the largest body and sends `bytes` of it, without an end. */
  function startSending(bytes: number): { socket: Socket; received: () => string } {
    const socket = createConnection(small.port, '127.0.0.1');
    senders.push(socket);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    const headers = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: ${bodyBytes}`;
    socket.write(`POST /analyze HTTP/1.1\r\n${headers}\r\n\r\n`);
    socket.write(Buffer.alloc(bytes, 0x20));
    return { socket, received: () => answer };
  }

  const sendLarge = () => analyze(small, `data:text/plain,${'%41'.repeat(maxImageBytes / 3)}`);

  async function fill(): Promise<void> {
    const sending = Array.from({ length: 6 }, () => startSending(bodyBytes - 1));
    await eventually(() => sending.some(({ received }) => received().includes('\r\n\r\n')));
    const refused = sending.find(({ received }) => received().includes('\r\n\r\n'))?.received() ?? '';
    expect(refused).toMatch(/^HTTP\/1.1 429 /);
    expect(refused.toLowerCase()).toContain('retry-after: 1\r\n');
    expect(refused).toContain('"code":"queue_full"');
  }

  beforeAll(async () => {
    small = await startApi({ REDIS_URL: redis.url, MAX_IMAGE_BYTES: String(maxImageBytes) });
    senders = [];
  });
  afterEach(() => {
    for (const socket of senders.splice(0)) socket.destroy();
  });
  afterAll(() => small.stop());

  test('what goes over the budget is refused, short requests are not, and those who hang up make room', async () => {
    await fill();
    expect((await analyze(small, script('short'))).status).toBe(200);
    for (const socket of senders.splice(0)) socket.destroy();
    await eventually(async () => (await sendLarge()).status === 200);
    expect(small.output()).not.toContain('"level":"error"');
  });

  test('who announces much and sends nothing takes no room', async () => {
    for (let count = 0; count < 20; count++) startSending(1);
    expect((await sendLarge()).status).toBe(200);
  });

  test('answers and errors give the room back', async () => {
    for (let count = 0; count < 10; count++) {
      expect((await sendLarge()).status).toBe(200);
      const broken = await fetch(`${small.url}/analyze`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{'.padEnd(bodyBytes, ' '),
      });
      expect(broken.status).toBe(422);
    }
  });

  test('a job that waits holds no room', async () => {
    const controller = new AbortController();
    const waits: Promise<unknown>[] = [];
    const image = Buffer.from('hang\n'.padEnd(maxImageBytes, ' ')).toString('base64');
    for (let count = 0; count < 6; count++) {
      const before = consumer.taken.length;
      waits.push(analyze(small, `data:text/plain;base64,${image}`, { signal: controller.signal }));
      await eventually(() => consumer.taken.length > before);
    }
    expect((await sendLarge()).status).toBe(200);
    controller.abort();
    await Promise.allSettled(waits);
  });
});

describe('without Redis', () => {
  test('503 soon, no crash, and it heals by itself', async () => {
    const own = await startRedis();
    const lonely = await startApi({ REDIS_URL: own.url });
    const worker = startScriptedConsumer(own.url);
    expect((await analyze(lonely, script('say:ONE'))).status).toBe(200);
    const waiting = analyze(lonely, script('hang'));
    await eventually(() => worker.taken.length === 2);
    await own.kill();
    // Within the time after which the awaiter gives up, not within the caller's 30 s.
    expect(await waiting).toMatchObject({ status: 503, body: { code: 'queue_unavailable' } });
    const startedAt = performance.now();
    const down = await analyze(lonely, script('say:TWO'));
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(down).toMatchObject({ status: 503, body: { code: 'queue_unavailable' } });
    expect(Number(down.response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await fetch(lonely.url)).status).toBe(200);
    expect((await fetch(`${lonely.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${lonely.opsUrl}/readyz?deep=1`)).status).toBe(503);
    expect((await fetch(`${lonely.opsUrl}/metrics`)).status).toBe(200);
    await own.start();
    await eventually(async () => (await analyze(lonely, script('say:THREE'))).status === 200);
    await worker.close();
    await lonely.stop();
    await own.stop();
  });

  test('a Redis that hangs is an outage too', async () => {
    const own = await startRedis();
    const lonely = await startApi({ REDIS_URL: own.url });
    own.pause();
    expect(await analyze(lonely, script('say:ONE'))).toMatchObject({
      status: 503,
      body: { code: 'queue_unavailable' },
    });
    own.resume();
    const worker = startScriptedConsumer(own.url);
    await eventually(async () => (await analyze(lonely, script('say:TWO'))).status === 200);
    await worker.close();
    await lonely.stop();
    await own.stop();
  });

  test('it starts before Redis does', async () => {
    const own = await startRedis();
    await own.kill();
    const early = await startApi({ REDIS_URL: own.url });
    expect((await analyze(early, script('say:ONE'))).status).toBe(503);
    await own.start();
    const worker = startScriptedConsumer(own.url);
    await eventually(async () => (await analyze(early, script('say:TWO'))).status === 200);
    await worker.close();
    await early.stop();
    await own.stop();
  });
});

describe('its end', () => {
  test('SIGTERM: requests in flight are answered, new ones find a closed door, exit 0', async () => {
    const ending = await startApi({ REDIS_URL: redis.url });
    const before = consumer.taken.length;
    const inFlight = analyze(ending, script('after:1500', 'say:DONE'));
    await eventually(() => consumer.taken.length > before);
    ending.child.kill('SIGTERM');
    await eventually(async () => (await fetch(`${ending.opsUrl}/readyz`)).status === 503);
    await expect(fetch(ending.url)).rejects.toThrow();
    expect(await inFlight).toMatchObject({ status: 200, body: { data: [{ text: 'DONE' }] } });
    expect(await ending.exited).toBe(0);
  });

  test('SIGTERM: what outlasts the grace is cut off and its job canceled', async () => {
    const ending = await startApi({ REDIS_URL: redis.url, DRAIN_GRACE_MS: '300' });
    const before = { aborts: consumer.aborts.length, taken: consumer.taken.length };
    const inFlight = analyze(ending, script('hang')).catch(() => 'cut off');
    await eventually(() => consumer.taken.length > before.taken);
    ending.child.kill('SIGTERM');
    expect(await inFlight).toBe('cut off');
    expect(await ending.exited).toBe(0);
    await eventually(() => consumer.aborts.length > before.aborts);
    expect(consumer.aborts.at(-1)).toBe('canceled');
  });

  test('it does not outlive its parent', async () => {
    const orphan = await startApi({ REDIS_URL: redis.url });
    orphan.child.disconnect();
    expect(await orphan.exited).toBe(0);
  });

  test('it does not start half closed', async () => {
    const { exited, output } = spawnApi({ REDIS_URL: redis.url, BASIC_AUTH_PASSWORD: 'hush' });
    expect(await exited).toBe(1);
    expect(output()).toContain('BASIC_AUTH_USERNAME');
    expect(output()).not.toContain('hush');
  });

  test('a port that is taken is said plainly', async () => {
    const { exited, output } = spawnApi({ REDIS_URL: redis.url, PORT: String(api.port) });
    expect(await exited).toBe(1);
    expect(output()).toContain('EADDRINUSE');
  });
});

test('its log has no text, no image and no URL of any of this', () => {
  expect(api.output()).toContain('"route":"/analyze"');
  expect(api.output()).not.toMatch(/HELLO|LATER|page 7|example\.com|data:/);
});
