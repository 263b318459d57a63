import { afterEach, expect, test } from 'vitest';
import { Counter, createRegistry } from './metrics.ts';
import { type DeepReadiness, type OpsServer, type Readiness, startOpsServer } from './ops-server.ts';

let server: OpsServer | undefined;
afterEach(() => server?.close());

async function open(readiness: () => Promise<Readiness>, deep?: () => Promise<DeepReadiness>) {
  const registry = createRegistry('api');
  new Counter({ name: 'glyphmill_pages_total', help: 'Pages', registers: [registry] }).inc(3);
  server = await startOpsServer({
    host: '127.0.0.1',
    port: 0,
    registry,
    readiness,
    ...(deep === undefined ? {} : { deepReadiness: deep }),
  });
  const { port } = server;
  return (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
}

const ready = () => Promise.resolve({ ready: true, reasons: [] });
const draining = () => Promise.resolve({ ready: false, reasons: ['draining'] });

test('lives and is ready', async () => {
  const get = await open(ready);
  expect((await get('/livez')).status).toBe(200);
  const answer = await get('/readyz');
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ ready: true, reasons: [] });
});

test('lives without being ready, and says why', async () => {
  const get = await open(draining);
  expect((await get('/livez')).status).toBe(200);
  const answer = await get('/readyz');
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ ready: false, reasons: ['draining'] });
});

test('only the deep question asks others', async () => {
  const get = await open(ready, () => Promise.resolve({ redis: { ok: false, detail: 'unreachable' } }));
  expect((await get('/readyz')).status).toBe(200);
  const deep = await get('/readyz?deep=1');
  expect(deep.status).toBe(503);
  expect(await deep.json()).toMatchObject({ checks: { redis: { ok: false, detail: 'unreachable' } } });
});

test('exposes metrics of the service and the build', async () => {
  const get = await open(ready);
  const answer = await get('/metrics');
  expect(answer.headers.get('content-type')).toContain('text/plain');
  const text = await answer.text();
  expect(text).toMatch(/glyphmill_pages_total\{service="api"\} 3/);
  expect(text).toMatch(/glyphmill_build_info\{.*version="\d+\.\d+\.\d+"/);
  expect(text).toContain('nodejs_eventloop_lag_seconds');
});

test('refuses what it does not know', async () => {
  const get = await open(ready);
  expect((await get('/')).status).toBe(404);
  expect((await get('/livez', { method: 'POST' })).status).toBe(405);
});

test('a readiness check that fails is an error, not a crash', async () => {
  const get = await open(() => Promise.reject(new Error('broken')));
  expect((await get('/readyz')).status).toBe(500);
  expect((await get('/livez')).status).toBe(200);
});
