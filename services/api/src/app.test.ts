import { OcrError, type ErrorCode } from '@glyphmill/core/errors';
import type { Outcome } from '@glyphmill/core/queue';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sampleResult } from '../test/fake-queue.ts';
import { createTestApp, problemOf } from '../test/test-app.ts';
import { statusOf } from '@glyphmill/http/problem';

const imageUrl = 'https://example.com/cards/secret-card.png?token=hush';
const unknownId = '0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21';
const failed = (code: ErrorCode): Outcome => ({ ok: false, error: { code, message: 'Why', retryable: false } });
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('POST /analyze', () => {
  test('answers with the text', async () => {
    const { analyze, queue } = createTestApp();
    const response = await analyze(imageUrl);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      message: 'Analysis successful',
      count: 1,
      data: [{ text: 'STEAM', confidence: 0.9969, box: sampleResult.lines[0]?.box }],
    });
    expect(queue.payloads[0]).toMatchObject({
      version: 1,
      generation: 0,
      kind: 'ephemeral',
      source: { kind: 'url', url: imageUrl },
      requestId: response.headers.get('x-request-id'),
    });
    const [payload] = queue.payloads;
    expect((payload?.deadlineAt ?? 0) - (payload?.enqueuedAt ?? 0)).toBe(5_000);
  });

  test('says when there is no text', async () => {
    const { analyze, queue } = createTestApp();
    queue.work = () => ({ ok: true, result: { ...sampleResult, lines: [] } });
    const response = await analyze(imageUrl);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ message: 'No text detected', count: 0, data: [] });
  });

  test('listens before it sends, lets go afterwards and leaves nothing behind', async () => {
    const { analyze, queue } = createTestApp();
    await analyze(imageUrl);
    await settled();
    expect(queue.order).toEqual(['expect', 'enqueue', 'release']);
    expect(queue.discarded).toEqual([queue.payloads[0]?.id]);
    expect(queue.canceled).toEqual([]);
  });

  test('takes the bytes of a data: URL along', async () => {
    const { analyze, queue } = createTestApp();
    expect((await analyze('data:image/png;base64,AAEC/w==')).status).toBe(200);
    expect(queue.payloads[0]?.source).toEqual({ kind: 'data' });
    expect([...(queue.inputs[0] ?? [])]).toEqual([0, 1, 2, 255]);
  });

  test.each([
    ['no url at all', 'url_not_allowed'],
    ['/relative.png', 'url_not_allowed'],
    ['ftp://example.com/a.png', 'url_not_allowed'],
    ['file:///etc/passwd', 'url_not_allowed'],
    ['javascript:alert(1)', 'url_not_allowed'],
    ['https://user:hush@example.com/a.png', 'url_not_allowed'],
    ['https://user@example.com/a.png', 'url_not_allowed'],
    ['http://', 'url_not_allowed'],
    ['data:;base64,???', 'invalid_request'],
    [`data:,${'x'.repeat(1_001)}`, 'image_too_large'],
    ['data:,', 'image_unreadable'],
    ['', 'invalid_request'],
    [null, 'invalid_request'],
  ] as const)('%j: %s', async (url, code) => {
    const { analyze, queue } = createTestApp();
    const problem = await problemOf(await analyze(url));
    expect(problem).toMatchObject({ code, status: statusOf[code] });
    expect(JSON.stringify(problem)).not.toContain('hush');
    expect(queue.order).toEqual([]);
  });

  test.each([
    'image_too_large',
    'image_unsupported',
    'image_unreadable',
    'poison_image',
    'url_not_allowed',
    'download_failed',
    'download_timeout',
    'internal',
    'deadline_exceeded',
    'canceled',
  ] as const)('a job that failed with %s', async (code) => {
    const { analyze, queue } = createTestApp();
    queue.work = () => failed(code);
    expect(await problemOf(await analyze(imageUrl))).toMatchObject({ code, status: statusOf[code] });
    await settled();
    expect(queue.discarded).toHaveLength(1);
  });

  test('too large a body', async () => {
    const { analyze } = createTestApp();
    const problem = await problemOf(await analyze(`data:,${'x'.repeat(200_000)}`));
    expect(problem).toMatchObject({ status: 413, code: 'body_too_large' });
  });

  test('more work than can be done in time', async () => {
    const { analyze, queue, registry } = createTestApp();
    queue.depthNow = { waiting: 26, active: 2, delayed: 0 };
    const response = await analyze(imageUrl);
    expect(await problemOf(response)).toMatchObject({ status: 429, code: 'queue_full' });
    // 28 pages of 500 ms in 2 engines are 7 s, the limit is 5 s.
    expect(response.headers.get('retry-after')).toBe('3');
    expect(queue.order).toEqual(['expect', 'release']);
    expect(await registry.getSingleMetricAsString('glyphmill_admission_refused_total')).toMatch(
      /_total\{lane="interactive"\} 1$/m,
    );
  });

  test('no queue', async () => {
    const { analyze, queue, request } = createTestApp();
    queue.down = true;
    const response = await analyze(imageUrl);
    expect(await problemOf(response)).toMatchObject({ status: 503, code: 'queue_unavailable' });
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await request('/')).status).toBe(200);
    expect((await request('/readyz')).status).toBe(200);
    queue.down = false;
    expect((await analyze(imageUrl)).status).toBe(200);
  });

  test('a fault of our own tells the caller nothing and the log enough', async () => {
    const { analyze, queue, lines } = createTestApp();
    queue.enqueue = () => Promise.reject(new TypeError('broken in the middle'));
    const problem = await problemOf(await analyze(imageUrl));
    expect(problem).toMatchObject({ status: 500, code: 'internal' });
    expect(JSON.stringify(problem)).not.toContain('broken');
    const line = lines.find(({ level }) => level === 'error');
    expect(line?.fields).toMatchObject({
      fault: expect.stringMatching(/^TypeError\n.* at /s),
      requestId: problem.requestId,
    });
  });
});

describe('past the deadline', () => {
  test('504, and the job is canceled', async () => {
    const { analyze, queue, registry } = createTestApp({ syncTimeoutMs: 30 });
    queue.work = () => undefined;
    expect(await problemOf(await analyze(imageUrl))).toMatchObject({ status: 504, code: 'deadline_exceeded' });
    await settled();
    expect(queue.canceled).toEqual([queue.payloads[0]?.id]);
    expect(queue.discarded).toEqual(queue.canceled);
    expect(await registry.getSingleMetricAsString('glyphmill_await_timeouts_total')).toMatch(/_total 1$/m);
  });

  test('a caller may wait for less, never for more', async () => {
    const { analyze, queue } = createTestApp({ syncTimeoutMs: 30 });
    queue.work = () => undefined;
    expect((await analyze(imageUrl, { prefer: 'wait=0' })).status).toBe(504);
    expect((await analyze(imageUrl, { prefer: 'wait=3600' })).status).toBe(504);
    const patience = queue.payloads.map(({ deadlineAt, enqueuedAt }) => (deadlineAt ?? 0) - enqueuedAt);
    expect(patience).toEqual([0, 30]);
  });

  test('respond-async: 202, and the job can be asked for', async () => {
    const { analyze, request, queue } = createTestApp({ syncTimeoutMs: 30 });
    queue.work = () => undefined;
    const response = await analyze(imageUrl, { prefer: 'respond-async, wait=0' });
    const id = queue.payloads[0]?.id ?? '';
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe(`/jobs/${id}`);
    expect(response.headers.get('preference-applied')).toBe('respond-async');
    expect(await response.json()).toEqual({ id, state: 'queued' });
    expect(await (await request(`/jobs/${id}`)).json()).toEqual({ id, state: 'queued' });
    queue.finish(id, { ok: true, result: sampleResult });
    for (let reads = 0; reads < 2; reads++) {
      const job = await (await request(`/jobs/${id.toUpperCase()}`)).json();
      expect(job).toMatchObject({ id, state: 'succeeded', result: { count: 1, data: [{ text: 'STEAM' }] } });
    }
    expect(queue.canceled).toEqual([]);
    expect(queue.discarded).toEqual([]);
    expect((queue.payloads[0]?.deadlineAt ?? 0) - (queue.payloads[0]?.enqueuedAt ?? 0)).toBe(60_000);
  });

  test('respond-async: an answer in time is an ordinary one', async () => {
    const { analyze, queue } = createTestApp();
    expect((await analyze(imageUrl, { prefer: 'respond-async' })).status).toBe(200);
    await settled();
    expect(queue.discarded).toHaveLength(1);
  });
});

describe('a caller who hangs up', () => {
  const send = (app: ReturnType<typeof createTestApp>, headers: Record<string, string> = {}) => {
    const controller = new AbortController();
    const answer = app.request('/analyze', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ image_url: imageUrl }),
      signal: controller.signal,
    });
    return { controller, answer };
  };

  test('takes the job with them', async () => {
    const app = createTestApp();
    app.queue.work = () => undefined;
    const { controller, answer } = send(app);
    await settled();
    controller.abort();
    expect((await answer).status).toBe(499);
    await settled();
    expect(app.queue.canceled).toEqual([app.queue.payloads[0]?.id]);
    expect(app.queue.order.at(-1)).toBe('release');
  });

  test('leaves it running after respond-async', async () => {
    const app = createTestApp({ syncTimeoutMs: 30 });
    app.queue.work = () => undefined;
    const { controller, answer } = send(app, { prefer: 'respond-async' });
    await settled();
    controller.abort();
    await answer;
    await settled();
    expect(app.queue.canceled).toEqual([]);
  });
});

describe('GET /jobs/{id}', () => {
  test.each([unknownId, 'x', '..%2f..', '1', '%ff', '0199d3a8'])('%s: 404', async (id) => {
    const { request } = createTestApp();
    expect(await problemOf(await request(`/jobs/${id}`))).toMatchObject({ status: 404, code: 'job_not_found' });
  });

  test.each([
    ['poison_image', 'failed'],
    ['canceled', 'canceled'],
  ] as const)('a job that ended with %s is %s', async (code, state) => {
    const { request, queue } = createTestApp();
    queue.finish(unknownId, failed(code));
    const response = await request(`/jobs/${unknownId}`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: unknownId, state, error: { code, status: statusOf[code] } });
  });

  test('a job that the queue gave up without a word', async () => {
    const { request, queue } = createTestApp();
    queue.state = () => Promise.resolve('failed');
    const job = await (await request(`/jobs/${unknownId}`)).json();
    expect(job).toMatchObject({ state: 'failed', error: { code: 'internal' } });
  });

  test('no queue', async () => {
    const { request, queue } = createTestApp();
    queue.down = true;
    expect((await request(`/jobs/${unknownId}`)).status).toBe(503);
  });
});

describe('paths and methods', () => {
  test.each([
    ['GET', '/nowhere', 404, null],
    ['POST', '/nowhere', 404, null],
    ['GET', '/analyze/', 404, null],
    ['GET', '/jobs/', 404, null],
    ['GET', `/jobs/${unknownId}/retry/`, 404, null],
    ['GET', '/docs/../package.json', 404, null],
    ['GET', '/docs/package.json', 404, null],
    ['GET', '/docs/..%2fpackage.json', 404, null],
    ['GET', '/%', 404, null],
    ['GET', '/%ff%zz', 404, null],
    ['GET', '/a%00b', 404, null],
    ['GET', '/analyze', 405, 'POST'],
    ['OPTIONS', '/analyze', 405, 'POST'],
    ['PUT', '/analyze', 405, 'POST'],
    ['POST', '/', 405, 'GET, HEAD'],
    ['PUT', '/jobs', 405, 'GET, HEAD, POST'],
    ['PUT', `/jobs/${unknownId}`, 405, 'DELETE, GET, HEAD'],
    ['GET', `/jobs/${unknownId}/retry`, 405, 'POST'],
    ['POST', `/jobs/${unknownId}/events`, 405, 'GET, HEAD'],
    ['PATCH', '/docs', 405, 'GET, HEAD'],
    ['BREW', '/openapi.json', 405, 'GET, HEAD'],
  ])('%s %s: %d', async (method, path, status, allow) => {
    const { app } = createTestApp();
    const response = await app.request(path, { method });
    expect(await problemOf(response)).toMatchObject({
      status,
      code: status === 404 ? 'not_found' : 'method_not_allowed',
    });
    expect(response.headers.get('allow')).toBe(allow);
  });
});

describe('health', () => {
  test('GET / and HEAD /', async () => {
    const { request } = createTestApp();
    expect(await (await request('/')).json()).toEqual({ status: 'ok', message: 'OCR Service is Ready' });
    const head = await request('/', { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
  });

  test('ready until it drains, Redis or not', async () => {
    const { request, lifecycle, queue } = createTestApp();
    expect((await request('/readyz')).status).toBe(200);
    expect(await (await request('/readyz?deep=1')).json()).toMatchObject({
      ready: true,
      checks: { redis: { ok: true } },
    });
    queue.down = true;
    expect((await request('/readyz')).status).toBe(200);
    const deep = await request('/readyz?deep=1');
    expect(deep.status).toBe(503);
    expect(await deep.json()).toMatchObject({ ready: false, checks: { redis: { ok: false }, workers: { ok: false } } });
    lifecycle.drain();
    const draining = await request('/readyz');
    expect(draining.status).toBe(503);
    expect(await draining.json()).toEqual({ ready: false, reasons: ['draining'] });
    expect((await request('/livez')).status).toBe(200);
  });
});

describe('request ids', () => {
  test.each(['abc', 'A.b_c-1', 'x'.repeat(64)])('%s is taken over', async (id) => {
    const { request } = createTestApp();
    const response = await request('/nowhere', { headers: { 'x-request-id': id } });
    expect((await problemOf(response)).requestId).toBe(id);
  });

  test.each(['', 'a b', 'x'.repeat(65), 'a"b', '<b>', 'ä'])('%j is replaced', async (id) => {
    const { request } = createTestApp();
    const given = (await request('/', { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(given).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });
});

describe('the request log', () => {
  test('says what was asked and what came of it, and nothing that must not be kept', async () => {
    const { analyze, request, lines, queue } = createTestApp();
    await analyze(imageUrl);
    await analyze('https://user:hush@example.com/secret-card.png');
    queue.work = () => failed('download_failed');
    await analyze(imageUrl);
    await request('/jobs/secret-card?token=hush');
    await request('/secret-card');
    expect(lines[0]).toMatchObject({
      level: 'info',
      fields: { method: 'POST', route: '/analyze', status: 200, jobId: queue.payloads[0]?.id },
    });
    expect(lines.map(({ fields }) => [fields['route'], fields['status']])).toEqual([
      ['/analyze', 200],
      ['/analyze', 422],
      ['/analyze', 424],
      ['/jobs/:id', 404],
      ['none', 404],
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/hush|secret|STEAM|example\.com/);
  });

  test('and the metrics count it by route and by the error that was the answer', async () => {
    const { analyze, request, registry, queue } = createTestApp({ syncTimeoutMs: 50 });
    await analyze(imageUrl);
    queue.work = () => failed('download_failed');
    await analyze(imageUrl);
    queue.work = () => undefined;
    await analyze(imageUrl);
    await request('/nowhere', { method: 'GET' });
    await request('/analyze', { method: 'PUT' });
    const counts = await registry.getSingleMetricAsString('glyphmill_http_requests_total');
    expect(counts).toContain('{method="POST",route="/analyze",status="200",code=""} 1');
    expect(counts).toContain('{method="POST",route="/analyze",status="424",code="download_failed"} 1');
    expect(counts).toContain('{method="POST",route="/analyze",status="504",code="deadline_exceeded"} 1');
    expect(counts).toContain('{method="GET",route="none",status="404",code="not_found"} 1');
    expect(counts).toContain('{method="PUT",route="none",status="405",code="method_not_allowed"} 1');
  });

  test('paths and methods of somebody’s own make no series of their own', async () => {
    const { request, registry } = createTestApp();
    for (const path of ['/', '/jobs/', '/docs/', '/analyze/', '/.env?']) {
      for (let count = 0; count < 20; count += 1) await request(`${path}${count}-secret`);
    }
    for (let count = 0; count < 20; count += 1) await request('/', { method: `BREW${count}` });
    const counts = await registry.getSingleMetricAsString('glyphmill_http_requests_total');
    expect(counts).toContain('{method="other",route="none",status="405",code="method_not_allowed"} 20');
    // Those of own faults are there from the start.
    const series = counts.split('\n').filter((line) => line.startsWith('glyphmill_') && !line.endsWith(' 0'));
    expect(series.map((line) => /route="([^"]*)"/.exec(line)?.[1] ?? '').toSorted()).toEqual([
      '/docs/:file',
      '/jobs/:id',
      'none',
      'none',
    ]);
    expect(counts).not.toContain('secret');
  });

  test('the queue is measured when somebody asks', async () => {
    const { registry } = createTestApp();
    expect(await registry.getSingleMetricAsString('glyphmill_queue_jobs')).toContain('{lane="bulk",state="delayed"} 0');
  });

  test('metrics can be read without Redis', async () => {
    const { registry, queue } = createTestApp();
    expect(await registry.metrics()).toContain('glyphmill_queue_jobs{');
    expect(await registry.metrics()).toMatch(/^glyphmill_redis_up 1$/m);
    queue.down = true;
    const scraped = await registry.metrics();
    for (const name of ['queue_jobs', 'queue_oldest_waiting_seconds', 'redis_memory_used_bytes']) {
      expect(scraped).not.toMatch(new RegExp(`^glyphmill_${name}`, 'm'));
    }
    expect(scraped).toMatch(/^glyphmill_redis_up 0$/m);
    expect(await registry.metrics()).toContain('glyphmill_await_poll_recoveries_total 0');
  });
});

test('every answer is guarded against sniffing, framing and caches', async () => {
  const { analyze, request } = createTestApp();
  for (const response of [await analyze(imageUrl), await request('/'), await request('/nowhere')]) {
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  }
});

const documentShape = z.looseObject({
  paths: z.record(
    z.string(),
    z.looseObject({
      post: z.looseObject({ responses: z.record(z.string(), z.record(z.string(), z.unknown())) }).optional(),
    }),
  ),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
});

async function readDocument(request: (path: string) => Promise<Response>) {
  return documentShape.parse(await (await request('/openapi.json')).json());
}

describe('the docs', () => {
  test('the page asks for nothing but our own files, and we have them', async () => {
    const { request } = createTestApp();
    const page = await request('/docs');
    const html = await page.text();
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect(html).not.toMatch(/https?:|\/\/|<script>|<style|\son\w+=/);
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      const response = await request(`/${file}`);
      expect(response.status).toBe(200);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(100);
    }
  });

  test('the document has every route, with examples and its errors', async () => {
    const { request } = createTestApp();
    const document = await readDocument(request);
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Glyphmill' } });
    expect(Object.keys(document.paths).toSorted()).toEqual([
      '/',
      '/analyze',
      '/jobs',
      '/jobs/{id}',
      '/jobs/{id}/events',
      '/jobs/{id}/retry',
      '/livez',
      '/readyz',
    ]);
    const responses = document.paths['/analyze']?.post?.responses ?? {};
    expect(Object.keys(responses)).toEqual([
      '200',
      '202',
      '401',
      '403',
      '409',
      '413',
      '415',
      '422',
      '424',
      '429',
      '500',
      '503',
      '504',
    ]);
    expect(responses['429']).toHaveProperty(['headers', 'Retry-After']);
    expect(responses['422']).toHaveProperty(['content', 'application/problem+json', 'examples', 'poison_image']);
    expect(document.components.schemas['AnalyzeRequest']).toHaveProperty(
      ['properties', 'image_url', 'example'],
      expect.stringMatching(/^https:/),
    );
  });

  test('every reference leads somewhere', async () => {
    const { request } = createTestApp();
    const document = await readDocument(request);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(5);
    for (const [, name] of references) expect(document.components.schemas).toHaveProperty(name ?? '');
  });
});

test('an OcrError of a middleware keeps its retry advice', async () => {
  const { app } = createTestApp();
  app.get('/busy', () => {
    throw new OcrError('queue_full', 'Busy', { retryAfterSeconds: 9 });
  });
  expect((await app.request('/busy')).headers.get('retry-after')).toBe('9');
});
