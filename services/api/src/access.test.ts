import { hostRule } from '@glyphmill/http/host-check';
import { describe, expect, test } from 'vitest';
import { createTestApp, problemOf } from '../test/test-app.ts';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const credentials = { username: 'jörg', password: 'pa:ss:wörd 密' };
const right = basic(`${credentials.username}:${credentials.password}`);
const loopback = hostRule({ allowedHosts: [], bindAddress: '127.0.0.1' });
const foreign = 'http://evil.example';

describe('with credentials set', () => {
  test.each(['/', '/livez', '/readyz'])('%s stays open', async (path) => {
    const { request } = createTestApp({ credentials });
    expect((await request(path)).status).toBe(200);
    expect((await request(path, { method: 'HEAD' })).status).toBe(200);
  });

  test.each(['/analyze', '/jobs/x', '/docs', '/docs/init.js', '/openapi.json', '/nowhere'])(
    '%s asks for them',
    async (path) => {
      const { request } = createTestApp({ credentials });
      const response = await request(path);
      expect(await problemOf(response)).toMatchObject({ status: 401, code: 'unauthorized' });
      expect(response.headers.get('www-authenticate')).toBe('Basic realm="Glyphmill", charset="UTF-8"');
    },
  );

  test.each([
    [right, 200],
    [basic(`${credentials.username.normalize('NFD')}:${credentials.password.normalize('NFD')}`), 200],
    [basic(`${credentials.username}:pa`), 401],
    [basic(`${credentials.username}:${credentials.password}x`), 401],
    [basic(`x:${credentials.password}`), 401],
    [basic(':'), 401],
    ['Bearer x', 401],
  ])('%s: %d', async (authorization, status) => {
    const { analyze } = createTestApp({ credentials });
    expect((await analyze('https://example.com/a.png', { authorization })).status).toBe(status);
  });

  test('the OpenAPI document names the scheme, and which routes are open', () => {
    const { document } = createTestApp({ credentials });
    expect(document.components?.securitySchemes).toEqual({ basic: { type: 'http', scheme: 'basic' } });
    expect(document.security).toEqual([{ basic: [] }]);
    expect(document.paths?.['/']?.get?.security).toEqual([]);
    expect(document.paths?.['/analyze']?.post?.security).toBeUndefined();
  });
});

test('without credentials everything is open', async () => {
  const { request, document } = createTestApp();
  expect((await request('/openapi.json')).status).toBe(200);
  expect(document.security).toBeUndefined();
});

describe('the app on loopback', () => {
  test.each(['/', '/livez', '/docs', '/openapi.json', '/jobs/x', '/nowhere'])(
    '%s under a foreign name',
    async (path) => {
      const { request } = createTestApp({ hosts: loopback });
      const response = await request(path, { headers: { host: 'rebound.example:8000' } });
      expect(await problemOf(response)).toMatchObject({ status: 403, code: 'forbidden_origin' });
    },
  );

  test('under its own name', async () => {
    const { request } = createTestApp({ hosts: loopback });
    expect((await request('/', { headers: { host: 'localhost:8000' } })).status).toBe(200);
  });

  test('with an absolute request target of another name', async () => {
    const { app } = createTestApp({ hosts: loopback });
    const response = await app.request('http://rebound.example/', { headers: { host: 'localhost' } });
    expect(response.status).toBe(403);
  });
});

describe('a foreign page', () => {
  test('may not send an image', async () => {
    const { analyze, queue } = createTestApp();
    const response = await analyze('https://example.com/a.png', { origin: foreign, 'sec-fetch-site': 'cross-site' });
    expect(await problemOf(response)).toMatchObject({ status: 403, code: 'forbidden_origin' });
    expect(queue.payloads).toEqual([]);
  });

  test('gets no permission by a preflight', async () => {
    const { request } = createTestApp();
    const response = await request('/analyze', {
      method: 'OPTIONS',
      headers: { origin: foreign, 'access-control-request-method': 'POST' },
    });
    expect(response.status).toBe(403);
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});
