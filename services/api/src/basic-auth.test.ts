import { describe, expect, test } from 'vitest';
import { createTestApp, problemOf } from '../test/test-app.ts';
import { parseAuthorization } from './basic-auth.ts';

const basic = (text: string, encoding: BufferEncoding = 'utf8') =>
  `Basic ${Buffer.from(text, encoding).toString('base64')}`;
const credentials = { username: 'jörg', password: 'pa:ss:wörd 密' };
const right = basic(`${credentials.username}:${credentials.password}`);

describe('an Authorization header', () => {
  test.each([
    [basic('a:b'), { username: 'a', password: 'b' }],
    [basic('a:b').replace('Basic', 'bAsIc'), { username: 'a', password: 'b' }],
    [basic('a:b:c'), { username: 'a', password: 'b:c' }],
    [basic('a:'), { username: 'a', password: '' }],
    [basic('ü:ö'), { username: 'ü', password: 'ö' }],
    [basic('ü:ö', 'latin1'), undefined],
    [basic('no colon'), undefined],
    ['Basic', undefined],
    ['Basic ', undefined],
    ['Basic !!!', undefined],
    ['Bearer YTpi', undefined],
    ['', undefined],
  ])('%s', (header, expected) => {
    expect(parseAuthorization(header)).toEqual(expected);
  });
});

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
