import { hostRule } from '@glyphmill/http/host-check';
import { describe, expect, test } from 'vitest';
import { recordOf, rowOf, someId } from '../test/fake-reader.ts';
import { createTestApp, someInbox } from '../test/test-app.ts';
import { isAllowedRead } from './read-check.ts';

const foreign = { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' };
const paths = ['/', '/failures', '/status', `/results/${someId}`, `/results/${someId}.csv`, '/nowhere'];

describe('every answer', () => {
  test.each(paths)('%s lets nothing of elsewhere in, and is kept by no cache', async (path) => {
    const { request } = createTestApp({ rows: [rowOf()], records: [recordOf()] });
    const { headers } = await request(path);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('content-security-policy')).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('a page may use its own script and style and nothing else', async () => {
    const { request } = createTestApp();
    expect((await request('/')).headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
  });

  test('has a script and a style that may be kept for ever', async () => {
    const { request, page } = createTestApp();
    const urls = [...(await page('/')).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, url = '']) => url);
    expect(new Set(urls.map((url) => url.split('.').at(-1)))).toEqual(new Set(['svg', 'css', 'js']));
    for (const url of urls) {
      const { status, headers } = await request(url);
      expect(status).toBe(200);
      expect(headers.get('cache-control')).toContain('immutable');
    }
  });
});

describe('a foreign page', () => {
  test.each([
    // Sec-Fetch-Site, -Mode, -Dest, allowed
    [undefined, undefined, undefined, true],
    ['same-origin', 'cors', 'empty', true],
    ['none', 'navigate', 'document', true],
    ['cross-site', 'navigate', 'document', true],
    ['cross-site', 'navigate', 'iframe', false],
    ['cross-site', 'navigate', 'object', false],
    ['cross-site', 'no-cors', 'image', false],
    ['cross-site', 'no-cors', 'script', false],
    ['cross-site', 'cors', 'empty', false],
    ['same-site', 'no-cors', 'image', false],
    ['same-site', 'cors', 'empty', false],
    ['cross-site', undefined, undefined, false],
  ])('%s %s %s: %s', (secFetchSite, secFetchMode, secFetchDest, allowed) => {
    expect(isAllowedRead({ secFetchSite, secFetchMode, secFetchDest })).toBe(allowed);
  });

  test.each([...paths, '/events', `/pictures/${someId}/preview`])('may not fetch %s', async (path) => {
    const { request } = createTestApp({ rows: [rowOf()], records: [recordOf()] });
    const headers = { ...foreign, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };
    expect((await request(path, { headers })).status).toBe(403);
  });

  test('may not have the folder scanned', async () => {
    let scans = 0;
    const scan = () => {
      scans++;
      return Promise.resolve(someInbox);
    };
    const { request } = createTestApp({}, { inbox: { status: () => Promise.resolve(someInbox), scan } });
    const refused = [foreign, { origin: 'http://evil.example' }, { 'sec-fetch-site': 'same-site' }];
    for (const headers of refused) expect((await request('/scan', { method: 'POST', headers })).status).toBe(403);
    expect(scans).toBe(0);
    const own = await request('/scan', { method: 'POST', headers: { 'sec-fetch-site': 'same-origin' } });
    expect([own.status, own.headers.get('location'), scans]).toEqual([303, '/status', 1]);
  });

  test('cannot make its own name the name of this server', async () => {
    const { request } = createTestApp({}, { hosts: hostRule({ allowedHosts: [], bindAddress: '127.0.0.1' }) });
    for (const path of paths) {
      expect((await request(path, { headers: { host: 'rebound.example:5000' } })).status).toBe(403);
    }
  });
});

describe('with credentials set', () => {
  const credentials = { username: 'clerk', password: 'pässword' };
  const authorization = `Basic ${Buffer.from('clerk:pässword').toString('base64')}`;

  test.each([...paths, '/events', `/pictures/${someId}/thumbnail`])('%s asks for them', async (path) => {
    const { request } = createTestApp({ records: [recordOf()] }, { credentials });
    const response = await request(path);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="Glyphmill", charset="UTF-8"');
  });

  test('the right ones open it', async () => {
    const { request } = createTestApp({}, { credentials });
    expect((await request('/', { headers: { authorization } })).status).toBe(200);
  });
});
