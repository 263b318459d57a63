import { InboxError } from '@glyphmill/core/inbox';
import { OcrError } from '@glyphmill/core/errors';
import { describe, expect, test } from 'vitest';
import { createFakeReader, lineOf, recordOf, someId, someSha256, withText } from '../test/fake-reader.ts';
import { createTestApp, someInbox } from '../test/test-app.ts';

describe('an error', () => {
  test.each([
    ['GET', '/nowhere', 404],
    ['GET', `/results/${someId}`, 404],
    ['GET', '/results/x', 404],
    ['GET', `/results/${someId}.exe`, 404],
    ['GET', '/pictures/x/preview', 404],
    ['POST', '/', 405],
    ['DELETE', `/results/${someId}`, 405],
    ['GET', '/scan', 405],
  ])('%s %s is a page with status %d', async (method, path, status) => {
    const { request } = createTestApp();
    const response = await request(path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('text/html');
    const text = await response.text();
    expect(text).toContain('id="error"');
    expect(text).toContain(response.headers.get('x-request-id'));
    if (status === 405) expect(response.headers.get('allow')).toMatch(/^(GET, HEAD|POST)$/);
  });

  test('is a problem for who is no browser', async () => {
    const response = await createTestApp().request('/nowhere', { headers: { accept: '*/*' } });
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('of a database that is not there is a page that asks again', async () => {
    const { reader } = createFakeReader();
    const away = () => Promise.reject(new OcrError('store_unavailable', 'The database is not there'));
    const { request } = createTestApp({}, { reader: { ...reader, results: away, status: away } });
    const response = await request('/');
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(await response.text()).toContain('<meta http-equiv="refresh" content="5"');
  });

  test('that nobody expected tells nothing, but is logged without its words', async () => {
    const { reader } = createFakeReader();
    const broken = () => Promise.reject(new Error('secret text'));
    const { request, lines } = createTestApp({}, { reader: { ...reader, failures: broken } });
    const response = await request('/failures');
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    expect(JSON.stringify(lines)).not.toContain('secret');
    expect(lines.some(({ level, message }) => level === 'error' && message === 'Request failed')).toBe(true);
  });

  test('a query is never logged', async () => {
    const { page, lines } = createTestApp();
    await page('/?q=hush');
    expect(JSON.stringify(lines)).toContain('"route":"/"');
    expect(JSON.stringify(lines)).not.toContain('hush');
  });
});

describe('downloads', () => {
  const record = withText(recordOf({ sources: ['scans/März "1".png'] }), [
    lineOf('=1+1'),
    lineOf('a, "b"'),
    lineOf('密'),
  ]);
  const { request } = createTestApp({ records: [record] });
  const download = (extension: string) => request(`/results/${someId}.${extension}`);

  test('as JSON are the body of POST /analyze', async () => {
    const response = await download('json');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toMatchObject({
      message: 'Analysis successful',
      count: 3,
      data: [{ text: '=1+1', confidence: 0.97 }, {}, {}],
    });
  });

  test('as text are the lines', async () => {
    expect(await (await download('txt')).text()).toBe('=1+1\na, "b"\n密\n');
  });

  test('as CSV open in a spreadsheet', async () => {
    const bytes = new Uint8Array(await (await download('csv')).arrayBuffer());
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    expect(new TextDecoder().decode(bytes).split('\r\n').slice(0, 3)).toEqual([
      'line,text,confidence,x1,y1,x2,y2,x3,y3,x4,y4',
      "1,'=1+1,0.9700,10,20,110,20,110,40,10,40",
      '2,"a, ""b""",0.9700,10,20,110,20,110,40,10,40',
    ]);
  });

  test('have a harmless name and do nothing when they are opened', async () => {
    const { headers } = await download('csv');
    expect(headers.get('content-disposition')).toBe('attachment; filename="Marz_1_.png.csv"');
    expect(headers.get('content-security-policy')).toContain('sandbox');
  });

  test('are not there for what was not read', async () => {
    const { result: _, ...waiting } = recordOf({ state: 'queued' });
    const response = await createTestApp({ records: [waiting] }).request(`/results/${someId}.txt`);
    expect(response.status).toBe(404);
  });
});

describe('pictures', () => {
  const webp = Buffer.from('RIFF\x04\0\0\0WEBPVP8 ', 'latin1');
  const askFor = async (bytes: Uint8Array | undefined, kind = 'preview') => {
    const asked: string[] = [];
    const read = (sha256: string) => {
      asked.push(sha256);
      return Promise.resolve(bytes);
    };
    const response = await createTestApp({ records: [recordOf()] }, { blobs: { read } }).request(
      `/pictures/${someId}/${kind}`,
    );
    return { response, asked };
  };

  test.each(['preview', 'thumbnail'])('%s is WebP, inert and kept by the browser alone', async (kind) => {
    const { response, asked } = await askFor(webp, kind);
    expect(response.status).toBe(200);
    expect(asked).toEqual([someSha256]);
    expect(response.headers.get('content-type')).toBe('image/webp');
    expect(response.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(webp);
  });

  test('what an engine has not drawn is never served', async () => {
    for (const bytes of [
      Buffer.from('\x89PNG\r\n'),
      Buffer.from('<svg onload=alert(1)>'),
      Buffer.alloc(0),
      undefined,
    ]) {
      expect((await askFor(bytes)).response.status).toBe(404);
    }
  });
});

describe('scanning', () => {
  test('that fails says so', async () => {
    const scan = () => Promise.reject(new InboxError('inbox_unreachable', 'gone'));
    const { request } = createTestApp({}, { inbox: { status: () => Promise.resolve(undefined), scan } });
    const response = await request('/scan', { method: 'POST' });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('The folder watcher does not answer');
  });

  test.each(['/', '/status'])('is offered on %s only where somebody can do it', async (path) => {
    const inbox = { status: () => Promise.resolve(someInbox), scan: () => Promise.resolve(someInbox) };
    expect(await createTestApp({}, { inbox }).page(path)).toContain('action="/scan"');
    expect(await createTestApp().page(path)).not.toContain('/scan');
  });
});

describe('events', () => {
  test('tell that something has changed, and end when the server drains', async () => {
    const draining = new AbortController();
    let tell = () => {};
    let isClosed = false;
    const watch = {
      listen: (onChange: () => void) => {
        tell = onChange;
        return { close: () => (isClosed = true) };
      },
      close: () => undefined,
    };
    const { request, pending } = createTestApp({}, { watch, lifecycle: { draining: draining.signal } });
    const response = await request('/events');
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe('retry: 2000\n\n');
    tell();
    expect((await reader.read()).value).toBe('event: changed\ndata: \n\n');
    draining.abort();
    expect((await reader.read()).done).toBe(true);
    await pending.settled();
    expect(isClosed).toBe(true);
  });

  test('are refused when too many pages are open', async () => {
    const { request } = createTestApp({}, { maxEventStreams: 1 });
    const first = await request('/events');
    expect((await request('/events')).status).toBe(429);
    await first.body?.cancel();
    expect((await request('/events')).status).toBe(200);
  });
});
