import { OcrError } from '@glyphmill/core/errors';
import type { Attributes, SpanOptions, Tracer } from '@glyphmill/core/tracing';
import { Hono } from 'hono';
import { beforeEach, describe, expect, it } from 'vitest';
import type { HttpEnv } from './http-env.ts';
import { problemResponse } from './problem.ts';
import { requestTrace } from './request-trace.ts';

interface NotedSpan extends SpanOptions {
  readonly name: string;
  attributes: Attributes;
  isEnded?: boolean;
  failed?: string;
}

let spans: NotedSpan[];
beforeEach(() => {
  spans = [];
});

const tracer: Tracer = {
  start(name, { attributes = {}, ...options } = {}) {
    const span: NotedSpan = { name, attributes, ...options };
    spans.push(span);
    return {
      traceparent: 'the span',
      traceId: 'the trace',
      set: (more) => void (span.attributes = { ...span.attributes, ...more }),
      fail: (code) => void (span.failed = code),
      end: () => void (span.isEnded = true),
    };
  },
  close: () => Promise.resolve(),
};

function createTestApp(): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.onError((error) => problemResponse({ error: OcrError.from(error), requestId: 'r' }));
  app.use(requestTrace({ tracer, quietRoutes: new Set(['/livez']) }));
  app.get('/livez', (c) => c.text('ok'));
  app.get('/jobs/:id', (c) => c.text(c.get('span')?.traceparent ?? 'none'));
  app.post('/jobs/:id', () => {
    throw new OcrError('job_not_found', 'No such job');
  });
  app.delete('/jobs/:id', () => {
    throw new Error('A fault of ours');
  });
  return app;
}

describe('requestTrace', () => {
  it('names the route and not the path, joins the trace of the caller, and hands the span on', async () => {
    const response = await createTestApp().request('/jobs/secret?token=1', { headers: { traceparent: 'a, b' } });
    expect(await response.text()).toBe('the span');
    expect(spans).toEqual([
      {
        name: 'GET /jobs/:id',
        kind: 'server',
        parent: 'a, b',
        isEnded: true,
        attributes: expect.objectContaining({
          'http.request.method': 'GET',
          'http.route': '/jobs/:id',
          'http.response.status_code': 200,
        }),
      },
    ]);
    expect(JSON.stringify(spans)).not.toMatch(/secret|token/);
  });

  it('tells what the caller did wrong, without calling it a failure', async () => {
    await createTestApp().request('/jobs/1', { method: 'POST' });
    expect(spans[0]).toMatchObject({
      isEnded: true,
      attributes: { 'glyphmill.outcome': 'job_not_found', 'http.response.status_code': 404 },
    });
    expect(spans[0]).not.toHaveProperty('failed');
  });

  it('tells of a fault of ours', async () => {
    await createTestApp().request('/jobs/1', { method: 'DELETE' });
    expect(spans[0]).toMatchObject({ failed: 'internal', attributes: { 'http.response.status_code': 500 } });
    expect(JSON.stringify(spans)).not.toContain('A fault of ours');
  });

  it('says nothing of probes', async () => {
    expect((await createTestApp().request('/livez')).status).toBe(200);
    expect(spans).toEqual([]);
  });

  it('has one name for all that no route takes', async () => {
    await createTestApp().request('/secret-path');
    await createTestApp().request('/jobs/1', { method: 'SECRET' });
    expect(spans.map(({ name }) => name)).toEqual(['GET', 'HTTP']);
    expect(spans[0]?.attributes).not.toHaveProperty(['http.route']);
    expect(spans[1]?.attributes).toMatchObject({ 'http.request.method': '_OTHER' });
    expect(JSON.stringify(spans)).not.toMatch(/secret/i);
  });
});
