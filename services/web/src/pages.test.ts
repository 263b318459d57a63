import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineOf, recordOf, rowOf, someFailure, someId, withText } from '../test/fake-reader.ts';
import { skeletonOf } from '../test/skeleton.ts';
import { createTestApp, someInbox } from '../test/test-app.ts';

const inbox = { status: () => Promise.resolve(someInbox), scan: () => Promise.resolve(someInbox) };

describe('results', () => {
  test('show what was read, from where, how surely and when', async () => {
    const page = await createTestApp({ rows: [rowOf({ minConfidence: 0.61 })] }).page('/');
    expect(page).toContain('<bdi dir="auto">STEAM</bdi>');
    expect(page).toContain('<span class="folder">scans/</span>card.png');
    expect(page).toContain('95%');
    expect(page).toMatch(/lowest <span class="conf" data-level="low"\s*>61%/);
    expect(page).toContain(`src="/pictures/${someId}/thumbnail"`);
    expect(page).toContain('<time datetime="2026-11-26T20:56:04.000Z">');
    expect(page).toContain(`data-key="${someId}" data-state="succeeded"`);
  });

  test.each([
    ['queued', 'Waiting'],
    ['active', 'Being read'],
    ['failed', 'Failed'],
    ['canceled', 'Canceled'],
  ] as const)('%s is shown as %s', async (state, words) => {
    const page = await createTestApp({ rows: [rowOf({ state, firstLines: [], lineCount: 0 })] }).page('/');
    expect(page).toContain(`data-state="${state}">${words}<`);
  });

  test('that were read say so to who hears the page', async () => {
    expect(await createTestApp({ rows: [rowOf()] }).page('/')).toMatch(/class="facts"><span class="unseen">Read</);
  });

  test('without a thumbnail have nothing in its place', async () => {
    const { thumbnailSha256: _, ...row } = rowOf();
    // Style counts on it: `.thumb:empty`.
    expect(await createTestApp({ rows: [row] }).page('/')).toMatch(/<a class="thumb"[^>]*><\/a>/);
    const failure = { kind: 'file', failedAt: 1, path: 'a.png', bytes: 1, error: someFailure.error } as const;
    expect(await createTestApp({ failures: [failure] }).page('/failures')).toContain('<span class="thumb"></span>');
  });

  test('have the whole of a long name as its title', async () => {
    const name = `${'long name '.repeat(25)}.png`;
    const page = await createTestApp({ rows: [rowOf({ sources: [`scans/${name}\u202E`] })] }).page('/');
    expect(page).toContain(`<h2 title="${name} ">`);
  });

  test('count what is in which state, and lead to all failures', async () => {
    const page = await createTestApp().page('/');
    expect(page).toMatch(/href="\/\?show=read"[^>]*>Read <span class="count">12,345</);
    expect(page).toMatch(/href="\/failures"[^>]*>Failed <span class="count">4,321</);
    expect(page).not.toMatch(/class="count">9</);
  });

  test('say what to do when there are none', async () => {
    expect(await createTestApp().page('/')).toContain('No results yet. Send pictures to <code>POST /jobs</code>');
    const withInbox = await createTestApp({}, { inbox }).page('/');
    expect(withInbox).toContain('No results yet. Put pictures into <code>/srv/pictures</code>');
  });

  test('leave out what waits, unless that is asked for', async () => {
    const app = createTestApp();
    await app.page('/');
    await app.page('/?show=waiting&cursor=abc');
    expect(app.asked).toEqual([
      { states: ['active', 'succeeded', 'failed', 'canceled'], limit: 50 },
      { states: ['queued'], limit: 50, cursor: 'abc' },
    ]);
  });

  test('go on with older ones, and lead back', async () => {
    const page = await createTestApp({ rows: [rowOf()], nextCursor: 'a&b' }).page('/?show=read&cursor=c');
    expect(page).toContain('href="/?show=read&amp;cursor=a%26b" rel="next">Older');
    expect(page).toContain('href="/?show=read">Newest');
  });

  test('can be asked for without the page around them', async () => {
    const { request } = createTestApp({ rows: [rowOf()] });
    const response = await request('/', { headers: { 'x-fragment': 'view' } });
    expect(response.headers.get('vary')).toBe('x-fragment');
    expect(await response.text()).toMatch(/^<div id="view" data-live="changes">[^]*<\/div>$/);
  });
});

describe('search', () => {
  const match = { lineIndex: 4, text: 'Zum goldenen Hirschen', confidence: 0.7, spans: [[4, 8]] as const };
  const matches = [{ ...rowOf(), matches: [match], hasMoreMatches: true }];

  test('marks its hits and leads to their lines', async () => {
    const app = createTestApp({ matches });
    const page = await app.page('/?q=gold');
    expect(page).toContain('Zum <mark>gold</mark>enen Hirschen');
    expect(page).toContain(`href="/results/${someId}#line-5"`);
    expect(page).toContain('and more lines');
    expect(page).toMatch(/<input[^>]*id="q"[^>]*value="gold"/);
    expect(app.asked).toEqual([{ text: 'gold', limit: 25 }]);
  });

  test('finds lines far down on a page that shows them', async () => {
    const far = [{ ...rowOf(), matches: [{ ...match, lineIndex: 998 }], hasMoreMatches: false }];
    expect(await createTestApp({ matches: far }).page('/?q=gold')).toContain(`/results/${someId}?from=994#line-999`);
  });

  test('says when there is nothing, and keeps what was asked as it was', async () => {
    const page = await createTestApp().page(`/?q=${encodeURIComponent('"><b>x')}`);
    expect(page).toContain('value="&quot;&gt;&lt;b&gt;x"');
    expect(page).toContain('No picture has a line with this word.');
  });

  test('without words is the list', async () => {
    const app = createTestApp();
    await app.page('/?q=%20');
    expect(app.asked[0]).toMatchObject({ states: expect.anything() as unknown });
  });
});

describe('one result', () => {
  const path = `/results/${someId}`;

  test('ties each line to its box', async () => {
    const page = await createTestApp({ records: [recordOf()] }).page(path);
    expect(page).toMatch(
      /src="\/pictures\/[^"]+\/preview"\s+alt="The picture that was read"\s+width="1000"\s+height="400"/,
    );
    expect(page).toContain('viewBox="0 0 1000 400"');
    expect(page).toMatch(
      /id="box-2"\s+data-box="2"\s+data-level="low"\s+href="#line-2"[^]*?points="10,20 110,20 110,40 10,40"/,
    );
    expect(page).toMatch(/id="line-2"\s+data-line="2"\s+data-level="low"[^]*?href="#box-2"[^]*?XR56L-H4A5Q/);
    for (const name of ['detect 120 ms', 'recognize 900 ms', 'small', '1,000 × 400 pixels'])
      expect(page).toContain(name);
  });

  test('shows doubtful lines alone', async () => {
    const page = await createTestApp({ records: [recordOf()] }).page(`${path}?below=75`);
    expect(page.match(/data-line="\d+"/g)).toEqual(['data-line="2"']);
    expect(page.match(/data-box="\d+"/g)).toEqual(['data-box="2"']);
    expect(page).toContain('Copy these lines');
  });

  test('shows the places of the lines where no picture is kept', async () => {
    const { previewSha256: _, ...record } = recordOf();
    const page = await createTestApp({ records: [record] }).page(path);
    expect(page).not.toContain('/preview');
    expect(page).toContain('data-box="1"');
    expect(page).toContain('No picture is kept');
  });

  test('of a long page is shown in pieces', async () => {
    const record = withText(
      recordOf(),
      Array.from({ length: 1_000 }, (_, index) => lineOf(`line ${index}`)),
    );
    const { page } = createTestApp({ records: [record] });
    expect(await page(path)).toContain('href="/results/0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21?from=201">Later lines');
    const last = await page(`${path}?from=990`);
    expect(last.match(/data-line="\d+"/g)).toHaveLength(11);
    expect(last).toContain('Earlier lines');
  });

  test('that failed says why and what to do', async () => {
    const { result: _, ...record } = recordOf({
      state: 'failed',
      error: { code: 'image_too_large', message: 'The image has 52000000 pixels', retryable: false },
    });
    const page = await createTestApp({ records: [record] }).page(path);
    expect(page).toContain('too many bytes or pixels');
    expect(page).toContain('What to do:');
    expect(page).toContain('The image has 52000000 pixels');
    expect(page).not.toContain('.csv');
  });

  test('that waits is made anew by itself, one that was read is not', async () => {
    const { result: _, ...waiting } = recordOf({ state: 'queued' });
    expect(await createTestApp({ records: [waiting] }).page(path)).toContain('data-live="changes"');
    expect(await createTestApp({ records: [recordOf()] }).page(path)).toContain('data-live="never"');
  });
});

describe('failures', () => {
  test('of jobs and of files that never became one', async () => {
    const file = {
      kind: 'file',
      failedAt: 1,
      path: 'in/huge.tif',
      bytes: 123_000_000,
      error: { code: 'image_too_large', message: 'More than 20 MB' },
    } as const;
    const page = await createTestApp({ failures: [someFailure, file] }).page('/failures');
    expect(page).toContain('The picture is empty, damaged or cut off');
    expect(page).toContain(`href="/results/${someId}"`);
    expect(page).toContain('3 attempts');
    expect(page).toContain('</span>huge.tif');
    expect(page).toContain('123 MB');
  });
});

describe('status', () => {
  const queue = {
    depth: () => Promise.resolve({ waiting: 7, active: 1, delayed: 2 }),
    workers: () => Promise.resolve([{ id: 'w', engines: 4, busy: 3, meanPageMs: 1_234, at: 1 }]),
    close: () => Promise.resolve(),
  };

  test('tells of pictures, pace, queue, engines, folder and disk', async () => {
    const page = await createTestApp({}, { queue, inbox }).page('/status');
    for (const words of [
      '12,345',
      '2,000',
      '1 min 5 s',
      '3 of 4',
      '1 s',
      '/srv/pictures',
      'Watching',
      '5.0 MB',
      ' of ',
    ]) {
      expect(page).toContain(words);
    }
  });

  test('counts the failures that it leads to, and no others', async () => {
    const failing = { ...inbox, status: () => Promise.resolve({ ...someInbox, failed: 77 }) };
    const page = await createTestApp({}, { inbox: failing }).page('/status');
    expect(page).toMatch(/<dt>Failed<\/dt>\s*<dd><a href="\/failures">4,321<\/a><\/dd>/);
    // Whole cells only: the disk of the machine is on this page too, and some of it may end in a 9.
    expect(page).not.toMatch(/>(77|9)</);
  });

  test('says what it is not connected to', async () => {
    const page = await createTestApp().page('/status');
    expect(page).toContain('given no <code>REDIS_URL</code>');
    expect(page).toContain('no folder watcher answers');
  });

  test('says that Redis is away, and that nobody works', async () => {
    const away = { ...queue, workers: () => Promise.reject(new Error('gone')) };
    expect(await createTestApp({}, { queue: away }).page('/status')).toContain('Redis does not answer');
    const idle = { ...queue, workers: () => Promise.resolve([]) };
    expect(await createTestApp({}, { queue: idle }).page('/status')).toContain('No worker is running');
  });
});

describe('whatever the texts are', () => {
  const everywhere = (text: string) => {
    const error = { code: 'internal', message: text, retryable: false } as const;
    const { result: _, ...failed } = recordOf({ id: 'bad', state: 'failed', sources: [text], error });
    return createTestApp(
      {
        rows: [rowOf({ sources: [text], firstLines: [text, text, text], lineCount: 5 })],
        matches: [
          {
            ...rowOf({ sources: [text] }),
            matches: [{ lineIndex: 0, text: `a ${text}`, confidence: 0.9, spans: [[0, 1]] }],
            hasMoreMatches: false,
          },
        ],
        records: [withText(recordOf({ sources: [text], batchId: text }), [lineOf(text)]), failed],
        failures: [
          { ...someFailure, sources: [text], error },
          { kind: 'file', failedAt: 1, path: text, bytes: 1, error },
        ],
      },
      { inbox: { ...inbox, status: () => Promise.resolve({ ...someInbox, inbox: text }) } },
    );
  };
  const paths = ['/', '/?q=a', `/results/${someId}`, '/results/bad', '/failures', '/status'];
  const skeletons = async (text: string) => {
    const { page } = everywhere(text);
    return Promise.all(
      [...paths, `/?q=${encodeURIComponent(`a${text}`.toWellFormed())}`].map(async (path) =>
        skeletonOf(await page(path)),
      ),
    );
  };

  test.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</title><script>alert(1)</script>',
    '</textarea></bdi></ol><svg/onload=alert(1)>',
    'javascript:alert(1)',
    '<!--',
    '-->',
    ']]>',
    '&lt;script&gt;',
    '&#60;script&#62;',
    '${7*7}{{7*7}}',
    '\u202Eevil\u2066\u2067',
    'e\u0301\u0300'.repeat(30),
    '\0\u0001\u001B[31m',
    '\uD800 half',
  ])('%j is only text', async (text) => {
    const expected = await skeletons('x');
    expect(await skeletons(text)).toEqual(expected);
    expect(expected.flat().join()).not.toMatch(/ (on\w+|style)\b/);
  });

  test('they are only text', async () => {
    const expected = await skeletons('x');
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
          fc.string({
            unit: fc.constantFrom('<', '>', '"', "'", '&', '/', '=', ' ', 'a', '!', '-', '`', '\n'),
            minLength: 1,
          }),
        ),
        async (text) => {
          expect(await skeletons(text)).toEqual(expected);
        },
      ),
      { numRuns: 30 },
    );
  });

  test.each(['x'.repeat(100_000), '"'.repeat(100_000), '密'.repeat(100_000), '😀'.repeat(50_000), "'<".repeat(50_000)])(
    'pages weigh at most 150 kB',
    async (text) => {
      const rows = Array.from({ length: 50 }, (_, index) =>
        rowOf({
          id: `${index}`,
          sources: [text],
          sourceCount: 9,
          lineCount: 9,
          firstLines: [text, text, text].map((line) => line.slice(0, 200)),
          minConfidence: 0.2,
        }),
      );
      const hit = {
        lineIndex: 1,
        text,
        confidence: 0.5,
        spans: Array.from({ length: 60 }, (_, index) => [index * 4, index * 4 + 2] as const),
      };
      const { page } = createTestApp({
        rows,
        matches: rows.map((row) => ({ ...row, matches: [hit, hit, hit], hasMoreMatches: true })),
        records: [
          withText(
            recordOf({ sources: Array.from({ length: 1_000 }, () => text) }),
            Array.from({ length: 500 }, () => lineOf(text)),
          ),
        ],
        failures: Array.from({ length: 50 }, () => ({
          ...someFailure,
          sources: [text],
          error: { ...someFailure.error, message: text, retryable: false },
        })),
        nextCursor: 'c'.repeat(50),
      });
      for (const path of ['/', '/?q=x', '/failures', `/results/${someId}`]) {
        expect([path, Buffer.byteLength(await page(path)) < 150_000]).toEqual([path, true]);
      }
    },
  );
});
