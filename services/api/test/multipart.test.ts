import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBulkAdmission } from '../src/jobs/bulk-admission.ts';
import { readMultipartForm } from '../src/jobs/multipart-form.ts';
import {
  acceptedShape,
  batchShape,
  createJobsApp,
  formBody,
  type JobsApp,
  type JobsFixture,
  openJobsFixture,
  type Part,
} from './jobs-app.ts';
import { problemOf } from './test-app.ts';

const maxImageBytes = 50_000;
const png = (content: string | Uint8Array, filename = 'a.png'): Part => ({ name: 'file', filename, content });
const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

let fixture: JobsFixture;
let app: JobsApp;

beforeAll(async () => {
  fixture = await openJobsFixture();
  app = createJobsApp(fixture, { maxImageBytes });
});
afterAll(() => fixture.close());

/** In pieces of odd sizes, so that boundaries fall anywhere. */
function inPieces(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, (at += size)));
    },
  });
}

function upload(
  body: NonNullable<RequestInit['body']>,
  { headers = {}, to = app }: { headers?: Record<string, string>; to?: JobsApp } = {},
): Promise<Response> {
  return to.request('/jobs', {
    method: 'POST',
    body,
    headers: { 'content-type': 'multipart/form-data; boundary=frontier', ...headers },
    duplex: 'half',
  });
}

describe('an upload', () => {
  test('of one file is a single job whose bytes are stored', async () => {
    const content = randomBytes(maxImageBytes);
    const response = await upload(formBody([png(content, 'C:\\cards\\my card.png')]));
    expect(response.status).toBe(202);
    const { id } = acceptedShape.parse(await response.json());
    expect(response.headers.get('location')).toBe(`/jobs/${id}`);
    expect((await app.job(id)).source).toEqual({
      kind: 'upload',
      name: 'my card.png',
      sha256: sha256(content),
      bytes: content.length,
    });
    expect(Buffer.from((await fixture.blobs.read(sha256(content))) ?? []).equals(content)).toBe(true);
  });

  test('of several files is a batch in their order, with options for all', async () => {
    const parts = [
      { name: 'priority', content: '7' },
      png('one', '1.png'),
      { name: 'other', filename: '2.png', type: 'image/png', content: 'two' },
      { name: 'metadata', content: '{"order":"A-1"}' },
      png('three', ''),
      { name: 'deadline_ms', content: '60000' },
      { name: 'callback_url', content: 'https://example.com/hook' },
      { name: 'unknown', content: 'ignored' },
    ];
    const response = await upload(formBody(parts));
    expect(response.status).toBe(202);
    const { batch, jobs } = batchShape.parse(await response.json());
    const found = await Promise.all(jobs.map(({ id }) => app.job(id)));
    const all = { batch, priority: 7, metadata: { order: 'A-1' }, deadline_at: expect.any(String) };
    expect(found).toMatchObject([
      { ...all, index: 0, source: { name: '1.png', sha256: sha256('one') } },
      { ...all, index: 1, source: { name: '2.png', sha256: sha256('two') } },
      { ...all, index: 2, source: { kind: 'upload', sha256: sha256('three') } },
    ]);
    expect(found[2]?.source).not.toHaveProperty('name');
  });

  test('as browsers send it', async () => {
    const form = new FormData();
    form.append('files', new Blob(['x']), 'ünïcode.png');
    form.append('files', new Blob(['y']), 'b.png');
    form.append('priority', '');
    const response = await app.request('/jobs', { method: 'POST', body: form });
    const { jobs } = batchShape.parse(await response.json());
    expect((await app.job(jobs[0]?.id ?? '')).source).toMatchObject({ name: 'ünïcode.png' });
  });

  test('survives any bytes, in pieces of any size', async () => {
    const files = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3_000 }), { minLength: 2, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 1, max: 5_000 }), async (contents, size) => {
        const body = formBody(contents.map((content, index) => png(content, `${index}.png`)));
        const response = await upload(inPieces(body, size));
        expect(response.status).toBe(202);
        const { jobs } = batchShape.parse(await response.json());
        const sources = await Promise.all(jobs.map(async ({ id }) => (await app.job(id)).source));
        expect(sources.map((source) => source?.sha256)).toEqual(contents.map(sha256));
      }),
      { numRuns: 25 },
    );
  });

  test('of a thousand files works, of one more does not', async () => {
    const files = Array.from({ length: 1000 }, (_, index) => png(`file ${index}`));
    const { jobs } = batchShape.parse(await (await upload(formBody(files))).json());
    expect(jobs).toHaveLength(1000);
    expect(await problemOf(await upload(formBody([...files, png('x')])))).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/files' }],
    });
  });

  test('under a key: the same form is the same job, another name, file or option is refused', async () => {
    const headers = { 'idempotency-key': 'upload' };
    const form = [png('a', '1.png'), png('b', '2.png'), { name: 'priority', content: '5' }];
    const first = batchShape.parse(await (await upload(formBody(form), { headers })).json());
    const again = await upload(formBody(form, 'another'), {
      headers: { ...headers, 'content-type': 'multipart/form-data; boundary=another' },
    });
    expect(batchShape.parse(await again.json())).toEqual(first);
    const others = [
      [png('a', '1.png'), png('b', '3.png'), { name: 'priority', content: '5' }],
      [png('a', '1.png'), png('c', '2.png'), { name: 'priority', content: '5' }],
      [png('a', '1.png'), png('b', '2.png')],
    ];
    for (const other of others) {
      expect(await problemOf(await upload(formBody(other), { headers }))).toMatchObject({
        code: 'idempotency_conflict',
      });
    }
  });
});

describe('a form that is refused', () => {
  test('for a file that is too large says which', async () => {
    const parts = [png('fine', 'fine.png'), png(new Uint8Array(maxImageBytes + 1), 'huge.png'), png('fine too')];
    const problem = await problemOf(await upload(formBody(parts)));
    expect(problem).toMatchObject({ status: 413, code: 'image_too_large', errors: [{ pointer: '/files/1' }] });
    expect(problem.detail).toContain('huge.png');
  });

  test('for an empty file says which', async () => {
    const problem = await problemOf(await upload(formBody([png('fine'), png('', 'empty.png')])));
    expect(problem).toMatchObject({ status: 422, code: 'image_unreadable', errors: [{ pointer: '/files/1' }] });
  });

  test.each([
    ['/priority', [png('x'), { name: 'priority', content: 'soon' }]],
    ['/priority', [png('x'), { name: 'priority', content: '1001' }]],
    ['/metadata', [png('x'), { name: 'metadata', content: '[1]' }]],
    ['/metadata', [png('x'), { name: 'metadata', content: '{' }]],
    ['/metadata', [png('x'), { name: 'metadata', content: `{"x":"${'x'.repeat(9_000)}"}` }]],
    ['/deadline_ms', [png('x'), { name: 'deadline_ms', content: '-1' }]],
    ['/callback_url', [png('x'), { name: 'callback_url', content: 'ftp://example.com' }]],
    ['/idempotency_key', [png('x'), { name: 'idempotency_key', content: 'k' }]],
    ['/files', [{ name: 'priority', content: '1' }]],
    ['', [png('x'), ...Array.from({ length: 65 }, (_, index) => ({ name: `f${index}`, content: '' }))]],
  ] as const)('at %j', async (pointer, parts) => {
    const before = await fixture.store.countUnfinished();
    const problem = await problemOf(await upload(formBody(parts)));
    expect(problem).toMatchObject({ status: 422, code: 'invalid_request', errors: [{ pointer }] });
    expect(await fixture.store.countUnfinished()).toBe(before);
  });

  test.each([
    ['no boundary', formBody([png('x')]), 'multipart/form-data'],
    ['another boundary', formBody([png('x')]), 'multipart/form-data; boundary=other'],
    ['cut in a file', formBody([png('x'.repeat(40_000))]).slice(0, 20_000), undefined],
    ['cut in a header', formBody([png('x')]).slice(0, 40), undefined],
    ['no end', formBody([png('x')]).slice(0, -8), undefined],
    ['nothing', new Uint8Array(), undefined],
    ['no form', Buffer.from('{"image_url":"https://example.com/"}'), undefined],
    ['a broken part', Buffer.from('--frontier\r\nnonsense\r\n\r\nx\r\n--frontier--\r\n'), undefined],
  ])('for %s', async (_, body, type) => {
    const response = await upload(body, { ...(type && { headers: { 'content-type': type } }) });
    expect(await problemOf(response)).toMatchObject({ status: 422, code: 'invalid_request' });
  });

  test('for damage anywhere in it, never by a fault', async () => {
    const form = formBody([png('x'.repeat(300)), { name: 'priority', content: '3' }, png('y'.repeat(300), 'b.png')]);
    const damages = fc.array(fc.tuple(fc.nat(form.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(damages, fc.nat(form.length), fc.integer({ min: 1, max: 200 }), async (bytes, length, size) => {
        const broken = form.slice(0, length);
        for (const [at, value] of bytes) broken[at] = value;
        const response = await upload(inPieces(broken, size));
        expect([202, 413, 422]).toContain(response.status);
      }),
      { numRuns: 200 },
    );
  });

  test('leaves no half files behind, whatever it was refused for', async () => {
    const left = await readdir(`${fixture.blobFolder}/incoming`).catch(() => []);
    expect(left).toEqual([]);
  });

  test('for lack of room before any of it is read', async () => {
    const bulkAdmission = createBulkAdmission({
      store: {
        countUnfinished: () => Promise.resolve(5),
        countFinishedSince: () => Promise.resolve(120),
        now: () => Promise.resolve(Date.now()),
        pending: () => Promise.resolve([]),
      },
      queue: { workers: () => Promise.resolve([{ id: 'w', engines: 1, busy: 0, meanPageMs: 1000, at: 0 }]) },
      limit: 5,
    });
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(1000));
        },
      },
      { highWaterMark: 0 },
    );
    const response = await upload(body, { to: createJobsApp(fixture, { bulkAdmission }) });
    expect(await problemOf(response)).toMatchObject({ status: 429 });
    expect(response.headers.get('retry-after')).toBe('1');
    expect(pulled).toBe(0);
  });

  test('as compressed', async () => {
    const problem = await problemOf(await upload(formBody([png('x')]), { headers: { 'content-encoding': 'gzip' } }));
    expect(problem.errors).toMatchObject([{ pointer: 'Content-Encoding' }]);
  });
});

test('a sender that hangs up leaves no job and no half file', async () => {
  const before = await fixture.store.countUnfinished();
  const hangUp = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (hangUp.signal.aborted) {
        controller.error(new Error('gone'));
        return;
      }
      controller.enqueue(formBody([png(new Uint8Array(30_000))]).slice(0, 20_000));
      hangUp.abort();
    },
  });
  const response = await app.app.request('/jobs', {
    method: 'POST',
    body,
    headers: { 'content-type': 'multipart/form-data; boundary=frontier' },
    duplex: 'half',
    signal: hangUp.signal,
  });
  expect(response.status).toBe(499);
  expect(await fixture.store.countUnfinished()).toBe(before);
  expect(await readdir(`${fixture.blobFolder}/incoming`)).toEqual([]);
});

describe('a form that takes longer to come than blobs without a job are kept', () => {
  const hourMs = 3_600_000;

  /** Between the two files, `meanwhile` happens to the first one's blob. */
  async function readSlowly(meanwhile: (path: string) => Promise<void>) {
    const [first, second] = [randomBytes(5_000), randomBytes(5_000)];
    const form = Buffer.from(formBody([png(first, '1.png'), png(second, '2.png')]));
    const middle = form.indexOf(second) + 100;
    const name = sha256(first);
    async function* pieces() {
      yield form.subarray(0, middle);
      await expect.poll(() => fixture.blobs.size(name)).toBe(first.length);
      await meanwhile(join(fixture.blobFolder, name.slice(0, 2), name.slice(2, 4), name));
      yield form.subarray(middle, middle + 100);
      yield form.subarray(middle + 100);
    }
    const request = new Request('http://localhost/jobs', {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=frontier' },
      body: ReadableStream.from(pieces()),
      duplex: 'half',
    });
    const { signal } = new AbortController();
    return readMultipartForm(request, { blobs: fixture.blobs, maxImageBytes, signal, touchEveryMs: 0 });
  }

  test('keeps its files', async () => {
    const longAgo = new Date(Date.now() - 2 * hourMs);
    const { files } = await readSlowly((path) => utimes(path, longAgo, longAgo));
    await fixture.blobs.sweep({ minAgeMs: hourMs, inUse: () => Promise.resolve(new Set()) });
    expect(await Promise.all(files.map((file) => fixture.blobs.size(file.sha256)))).toEqual([5_000, 5_000]);
  });

  test('is refused when one of them is lost nevertheless', async () => {
    await expect(readSlowly((path) => rm(path))).rejects.toMatchObject({ code: 'store_unavailable' });
  });
});
