import { createUrlPolicy } from '@glyphmill/core/fetch';
import { readdir } from 'node:fs/promises';
import { OcrError } from '@glyphmill/core/errors';
import type { JobStore } from '@glyphmill/core/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBulkAdmission } from '../src/jobs/bulk-admission.ts';
import { sampleResult } from './fake-queue.ts';
import {
  acceptedShape,
  batchShape,
  createJobsApp,
  imageUrl,
  type JobsApp,
  type JobsFixture,
  jobShape,
  openJobsFixture,
  runJob,
  withFaults,
} from './jobs-app.ts';
import { problemOf } from './test-app.ts';

const unknownId = '0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21';

let fixture: JobsFixture;
let app: JobsApp;

beforeAll(async () => {
  fixture = await openJobsFixture();
  app = createJobsApp(fixture);
});
afterAll(() => fixture.close());

const sent = async (from = app) => {
  await from.cleanUps.settled();
  return from.queue.payloads;
};

describe('POST /jobs with one image', () => {
  test('is accepted, kept and sent', async () => {
    const response = await app.post({ image_url: `${imageUrl}#top`, metadata: { order: 7 }, priority: 5 });
    expect(response.status).toBe(202);
    const { id, state } = acceptedShape.parse(await response.json());
    expect(state).toBe('queued');
    expect(response.headers.get('location')).toBe(`/jobs/${id}`);
    expect(await app.job(id)).toEqual({
      id,
      state: 'queued',
      source: { kind: 'url', url: imageUrl },
      priority: 5,
      metadata: { order: 7 },
      attempts: 0,
      position: expect.any(Number),
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect((await sent()).at(-1)).toEqual({
      version: 1,
      id,
      generation: 0,
      kind: 'durable',
      source: { kind: 'url', url: imageUrl },
      enqueuedAt: expect.any(Number),
      requestId: response.headers.get('x-request-id'),
    });
  });

  test('needs no queue', async () => {
    const lonely = createJobsApp(fixture);
    lonely.queue.down = true;
    const { id } = await lonely.submit();
    expect((await fixture.store.get(id))?.state).toBe('queued');
    expect(await sent(lonely)).toEqual([]);
    expect(lonely.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a data: URL becomes an upload', async () => {
    const { id } = await app.submit({ image_url: 'data:image/png;base64,AAEC/w==' });
    const { source } = await app.job(id);
    expect(source).toEqual({ kind: 'upload', sha256: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: 4 });
    expect([...((await fixture.blobs.read(source?.sha256 ?? '')) ?? [])]).toEqual([0, 1, 2, 255]);
    expect((await sent()).at(-1)?.source).toEqual({ kind: 'blob', sha256: source?.sha256 });
  });

  test('a deadline is counted from now', async () => {
    const before = Date.now();
    const { id } = await app.submit({ image_url: imageUrl, deadline_ms: 60_000 });
    const job = await fixture.store.get(id);
    expect(job?.deadlineAt).toBeGreaterThanOrEqual(before + 60_000);
    expect(job?.deadlineAt).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  test.each([
    [{}, '/image_url'],
    [[], ''],
    ['x', ''],
    [{ image_url: '' }, '/image_url'],
    [{ image_url: 7 }, '/image_url'],
    [{ image_url: imageUrl, images: [{ image_url: imageUrl }] }, '/image_url'],
    [{ image_url: 'ftp://example.com/a.png' }, '/image_url'],
    [{ image_url: 'https://user:hush@example.com/' }, '/image_url'],
    [{ image_url: `https://example.com/${'x'.repeat(9000)}` }, '/image_url'],
    [{ image_url: 'data:;base64,???' }, '/image_url'],
    [{ image_url: imageUrl, priority: 1001 }, '/priority'],
    [{ image_url: imageUrl, priority: 1.5 }, '/priority'],
    [{ image_url: imageUrl, priority: '5' }, '/priority'],
    [{ image_url: imageUrl, metadata: [] }, '/metadata'],
    [{ image_url: imageUrl, metadata: null }, '/metadata'],
    [{ image_url: imageUrl, metadata: { x: 'x'.repeat(4096) } }, '/metadata'],
    [{ image_url: imageUrl, metadata: { x: ['a\0b'] } }, '/metadata'],
    [{ image_url: imageUrl, metadata: { '\ud800': 1 } }, '/metadata'],
    [{ image_url: imageUrl, callback_url: 'file:///etc/passwd' }, '/callback_url'],
    [{ image_url: imageUrl, callback_url: 'https://a:b@example.com/' }, '/callback_url'],
    [{ image_url: imageUrl, deadline_ms: 0 }, '/deadline_ms'],
    [{ image_url: imageUrl, deadline_ms: 1e15 }, '/deadline_ms'],
    [{ image_url: imageUrl, idempotency_key: 'ä' }, '/idempotency_key'],
    [{ images: [] }, '/images'],
    [{ images: imageUrl }, '/images'],
    [{ images: Array.from({ length: 1001 }, () => ({ image_url: imageUrl })) }, '/images'],
    [{ images: [{ image_url: imageUrl }, imageUrl] }, '/images/1'],
    [{ images: [{ image_url: imageUrl }, { image_url: 'x' }] }, '/images/1/image_url'],
    [{ images: [{ image_url: imageUrl, priority: -1 }] }, '/images/0/priority'],
    [{ images: [{ image_url: imageUrl }], callback_url: 'x' }, '/images/0/callback_url'],
    [
      {
        images: [
          { image_url: imageUrl, idempotency_key: 'a' },
          { image_url: imageUrl, idempotency_key: 'a' },
        ],
      },
      '/images/1/idempotency_key',
    ],
  ])('%j is refused at %j', async (body, pointer) => {
    const before = await fixture.store.countUnfinished();
    const problem = await problemOf(await app.post(body));
    expect(problem.status).toBe(422);
    expect(problem.errors?.map((error) => error.pointer)).toContain(pointer);
    expect(JSON.stringify(problem)).not.toContain('hush');
    expect(await fixture.store.countUnfinished()).toBe(before);
  });

  test('metadata nested beyond all measure is refused, not a fault', async () => {
    const metadata = `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const response = await app.request('/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"image_url":"${imageUrl}","metadata":${metadata}}`,
    });
    expect(await problemOf(response)).toMatchObject({ status: 422, errors: [{ pointer: '/metadata' }] });
  });

  test('without a key to sign with there are no webhooks', async () => {
    const unsigned = createJobsApp(fixture, { callbacks: 'off' });
    const body = { image_url: imageUrl, callback_url: 'https://example.com/hook' };
    expect(await problemOf(await unsigned.post(body))).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/callback_url' }],
    });
    expect((await app.post(body)).status).toBe(202);
  });

  test('webhooks go only to the hosts that are allowed', async () => {
    const callbacks = createUrlPolicy({ purpose: 'webhook', allowHosts: ['*.example.com'] });
    const choosy = createJobsApp(fixture, { callbacks });
    const to = (host: string) => choosy.post({ image_url: imageUrl, callback_url: `https://${host}/hook` });
    expect(await problemOf(await to('example.org'))).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/callback_url', detail: 'Webhooks may not be sent to this host' }],
    });
    expect((await to('hooks.example.com')).status).toBe(202);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', ''])('%j is no content type for it', async (type) => {
    const response = await app.request('/jobs', { method: 'POST', headers: { 'content-type': type }, body: '{}' });
    expect(await problemOf(response)).toMatchObject({ status: 422, errors: [{ pointer: 'Content-Type' }] });
  });
});

describe('POST /jobs with a batch', () => {
  test('is accepted in the order given, with its defaults', async () => {
    const response = await app.post({
      images: [
        { image_url: `${imageUrl}&n=0` },
        { image_url: `${imageUrl}&n=1`, priority: 1, metadata: { own: true } },
        { image_url: `${imageUrl}&n=2` },
      ],
      priority: 200,
      metadata: { all: true },
    });
    expect(response.status).toBe(202);
    const { batch, jobs } = batchShape.parse(await response.json());
    expect(response.headers.get('location')).toBe(`/jobs?batch=${batch}`);
    expect(jobs.map(({ index, state }) => [index, state])).toEqual([
      [0, 'queued'],
      [1, 'queued'],
      [2, 'queued'],
    ]);
    const found = await Promise.all(jobs.map(({ id }) => app.job(id)));
    expect(found).toMatchObject([
      { batch, index: 0, priority: 200, metadata: { all: true }, source: { url: `${imageUrl}&n=0` } },
      { batch, index: 1, priority: 1, metadata: { own: true }, source: { url: `${imageUrl}&n=1` } },
      { batch, index: 2, priority: 200, metadata: { all: true }, source: { url: `${imageUrl}&n=2` } },
    ]);
    expect((await sent()).slice(-3).map(({ id }) => id)).toEqual(jobs.map(({ id }) => id));
  });

  test('of one image is a batch all the same', async () => {
    expect((await app.submitBatch({ images: [{ image_url: imageUrl }] })).jobs).toHaveLength(1);
  });

  test('of a thousand works', async () => {
    const images = Array.from({ length: 1000 }, (_, n) => ({ image_url: `${imageUrl}&n=${n}` }));
    const { batch, jobs } = await app.submitBatch({ images });
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1000);
    expect((await app.list(`?batch=${batch}&limit=1000`)).jobs).toHaveLength(1000);
  });

  test('of many data: URLs keeps each with its bytes', async () => {
    const images = Array.from({ length: 50 }, (_, n) => ({ image_url: n % 5 === 4 ? imageUrl : `data:,image ${n}` }));
    const { jobs } = await app.submitBatch({ images });
    const sources = await Promise.all(jobs.map(async ({ id }) => (await app.job(id)).source));
    for (const [n, source] of sources.entries()) {
      if (n % 5 === 4) expect(source).toEqual({ kind: 'url', url: imageUrl });
      else expect(Buffer.from((await fixture.blobs.read(source?.sha256 ?? '')) ?? []).toString()).toBe(`image ${n}`);
    }
  });

  test('is refused whole, with each fault and the code that they share', async () => {
    const before = await fixture.store.countUnfinished();
    const problem = await problemOf(
      await app.post({ images: [{ image_url: imageUrl }, { image_url: 'x' }, { image_url: 'ftp://example.com' }] }),
    );
    expect(problem).toMatchObject({
      code: 'url_not_allowed',
      errors: [{ pointer: '/images/1/image_url' }, { pointer: '/images/2/image_url' }],
    });
    expect(await fixture.store.countUnfinished()).toBe(before);
  });

  test('stores no upload of a batch that it refuses', async () => {
    const own = await openJobsFixture();
    const images = [{ image_url: 'data:,abc' }, { image_url: 'x' }];
    expect((await createJobsApp(own).post({ images })).status).toBe(422);
    expect(await readdir(own.blobFolder).catch(() => [])).toEqual([]);
    await own.close();
  });
});

describe('idempotency', () => {
  const image = (n: number) => ({ image_url: `${imageUrl}&n=${n}` });

  test('the same single twice is one job, whatever the order of its members', async () => {
    const headers = { 'idempotency-key': 'single-1' };
    const first = await app.submit({ ...image(1), metadata: { a: 1, b: [2] } }, headers);
    const before = (await sent()).length;
    expect(await app.submit({ metadata: { b: [2], a: 1 }, ...image(1), priority: 100 }, headers)).toEqual(first);
    expect((await sent()).length).toBe(before);
  });

  test('the key may stand in the body', async () => {
    const first = await app.submit({ ...image(1), idempotency_key: 'body-1' });
    expect(await app.submit(image(1), { 'idempotency-key': 'body-1' })).toEqual(first);
    const both = await app.post({ ...image(1), idempotency_key: 'body-1' }, { 'idempotency-key': 'other' });
    expect(await problemOf(both)).toMatchObject({ code: 'invalid_request' });
  });

  test.each([
    ['another URL', image(2)],
    ['another priority', { ...image(1), priority: 1 }],
    ['other metadata', { ...image(1), metadata: { x: 1 } }],
    ['a deadline', { ...image(1), deadline_ms: 1000 }],
    ['a webhook', { ...image(1), callback_url: 'https://example.com/' }],
    ['a batch', { images: [image(1)] }],
  ])('%s under the same key is refused', async (name, body) => {
    const headers = { 'idempotency-key': `conflict-${name.replaceAll(' ', '-')}` };
    await app.submit(image(1), headers);
    const before = await fixture.store.countUnfinished();
    const problem = await problemOf(await app.post(body, headers));
    expect(problem).toMatchObject({ status: 422, code: 'idempotency_conflict' });
    expect(problem.errors).toHaveLength(1);
    expect(await fixture.store.countUnfinished()).toBe(before);
  });

  test('the same batch twice is one batch; a shorter, longer or other one is refused', async () => {
    const headers = { 'idempotency-key': 'batch-1' };
    const body = { images: [image(1), image(2), image(3)] };
    const first = await app.submitBatch(body, headers);
    expect(await app.submitBatch(body, headers)).toEqual(first);
    for (const images of [
      [image(1)],
      [image(1), image(2)],
      [image(1), image(3), image(2)],
      [...body.images, image(4)],
    ]) {
      expect(await problemOf(await app.post({ images }, headers))).toMatchObject({ code: 'idempotency_conflict' });
    }
  });

  test('a batch of which retention has deleted a part is the same batch when it is sent again', async () => {
    const own = await openJobsFixture();
    const ownApp = createJobsApp(own);
    const headers = { 'idempotency-key': 'batch-3' };
    const body = { images: [image(1), image(2)] };
    const first = await ownApp.submitBatch(body, headers);
    await runJob(own.store, first.jobs[0]?.id ?? '', 'succeeded');
    expect(await own.store.deleteFinished({ finishedBefore: Date.now() + 1000, limit: 10 })).toBe(1);
    const again = await ownApp.submitBatch(body, headers);
    expect(again.batch).toBe(first.batch);
    expect(again.jobs[1]?.id).toBe(first.jobs[1]?.id);
    const listed = (await ownApp.list(`?batch=${first.batch}`)).jobs.map(({ id }) => id);
    expect(listed.toSorted()).toEqual(again.jobs.map(({ id }) => id).toSorted());
    await own.close();
  });

  test('keys of single images: what is known is found, the rest is made', async () => {
    const known = await app.submit(image(1), { 'idempotency-key': 'own-1' });
    const images = [
      { ...image(1), idempotency_key: 'own-1' },
      { ...image(2), idempotency_key: 'own-2' },
    ];
    const mixed = await app.submitBatch({ images });
    expect(mixed.jobs[0]?.id).toBe(known.id);
    expect((await app.list(`?batch=${mixed.batch}`)).jobs.map(({ id }) => id)).toEqual([mixed.jobs[1]?.id]);
    expect((await app.submitBatch({ images })).jobs).toEqual(mixed.jobs);
    const conflict = [
      { ...image(9), idempotency_key: 'new' },
      { ...image(9), idempotency_key: 'own-2' },
    ];
    expect(await problemOf(await app.post({ images: conflict }))).toMatchObject({
      code: 'idempotency_conflict',
      errors: [{ pointer: '/images/1' }],
    });
    await app.submit(image(8), { 'idempotency-key': 'new' });
  });

  test('a key for the request and keys of its images contradict each other', async () => {
    const images = [image(1), { ...image(2), idempotency_key: 'own-3' }];
    const problem = await problemOf(await app.post({ images }, { 'idempotency-key': 'both-1' }));
    expect(problem).toMatchObject({ status: 422, code: 'invalid_request', errors: [{ pointer: 'Idempotency-Key' }] });
  });

  test('no key that a caller can choose is one that a batch has used for its other images', async () => {
    await app.submitBatch({ images: [image(1), image(2)] }, { 'idempotency-key': 'batch-2' });
    for (const key of ['batch-2#1', 'batch-21', 'batch-2-1']) await app.submit(image(9), { 'idempotency-key': key });
    expect((await app.post(image(9), { 'idempotency-key': 'batch-2 1' })).status).toBe(422);
  });

  test('an upload counts by its bytes', async () => {
    const headers = { 'idempotency-key': 'data-1' };
    const first = await app.submit({ image_url: 'data:;base64,AAEC' }, headers);
    expect(await app.submit({ image_url: 'data:image/png,%00%01%02' }, headers)).toEqual(first);
    expect((await app.post({ image_url: 'data:,x' }, headers)).status).toBe(422);
  });

  test('a hundred at once are one job', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => app.submit(image(1), { 'idempotency-key': 'crowd' })),
    );
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect((await sent()).filter(({ id }) => id === answers[0]?.id)).toHaveLength(1);
  });

  test.each([['x'.repeat(256)], ['a b'], ['ä'], ['']])('%j is no key', async (key) => {
    const problem = await problemOf(await app.post(image(1), { 'idempotency-key': key }));
    expect(problem).toMatchObject({ status: 422, errors: [{ pointer: 'Idempotency-Key' }] });
  });
});

describe('GET /jobs/{id}', () => {
  test('a job that succeeded has its text', async () => {
    const { id } = await app.submit();
    await runJob(fixture.store, id, 'succeeded');
    expect(await app.job(id)).toMatchObject({
      state: 'succeeded',
      attempts: 1,
      model: 'small',
      engine_version: '1.2.3',
      sha256: 'a'.repeat(64),
      timings: sampleResult.timings,
      result: { message: 'Analysis successful', count: 1, data: [{ text: 'STEAM', confidence: 0.9969 }] },
      finished_at: expect.any(String),
    });
  });

  test('a job that failed has its problem', async () => {
    const { id } = await app.submit();
    await runJob(fixture.store, id, 'image_unreadable');
    expect(await app.job(id)).toMatchObject({
      state: 'failed',
      error: { code: 'image_unreadable', status: 422, detail: 'Why' },
    });
  });

  test('positions are those of the lane', async () => {
    const own = await openJobsFixture();
    const ownApp = createJobsApp(own);
    const late = await ownApp.submit({ image_url: imageUrl, priority: 900 });
    const soon = await ownApp.submit({ image_url: imageUrl, priority: 1 });
    expect([(await ownApp.job(late.id)).position, (await ownApp.job(soon.id)).position]).toEqual([2, 1]);
    await own.close();
  });

  test('ephemeral jobs are found under the same path, even while the store is away', async () => {
    const own = createJobsApp(fixture, { store: withFaults(fixture.store, { get: away }) });
    own.queue.finish(unknownId, { ok: true, result: sampleResult });
    expect(await own.job(unknownId)).toMatchObject({ state: 'succeeded', result: { count: 1 } });
  });

  test.each([unknownId, 'nonsense', '..%2fetc', '%00'])('%s is nowhere', async (id) => {
    expect(await problemOf(await app.request(`/jobs/${id}`))).toMatchObject({ code: 'job_not_found' });
  });
});

const away = () => Promise.reject(new OcrError('store_unavailable', 'The store cannot be reached'));

describe('while the store is away', () => {
  const faulty = () => ({
    accept: away,
    get: away,
    list: away,
    cancel: away,
    retryFailed: away,
    states: away,
    countUnfinished: away,
    countFinishedSince: away,
  });

  test('all that needs it says so, and when to try again', async () => {
    const down = createJobsApp(fixture, { store: withFaults(fixture.store, faulty()) });
    const answers = [
      await down.post({ image_url: imageUrl }),
      await down.request(`/jobs/${unknownId}`),
      await down.request('/jobs'),
      await down.cancel(unknownId),
      await down.retry(unknownId),
      await down.request(`/jobs/${unknownId}/events`),
    ];
    for (const response of answers) {
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await problemOf(response)).toMatchObject({ status: 503, code: 'store_unavailable' });
    }
    expect((await down.request('/')).status).toBe(200);
    down.queue.work = () => ({ ok: true, result: sampleResult });
    expect((await down.analyze(imageUrl)).status).toBe(200);
  });

  test('jobs that are made although the answer of the store is lost are made once, told of and sent', async () => {
    const own = await openJobsFixture();
    let calls = 0;
    const accept: JobStore['accept'] = async (jobs) => {
      calls += 1;
      const accepted = await own.store.accept(jobs);
      return calls === 1 ? away() : accepted;
    };
    const ownApp = createJobsApp(own, { store: withFaults(own.store, { accept }) });
    const { jobs } = await ownApp.submitBatch({ images: [{ image_url: imageUrl }, { image_url: `${imageUrl}&n=2` }] });
    expect(calls).toBe(2);
    expect((await ownApp.list()).jobs.map(({ id }) => id)).toEqual(jobs.map(({ id }) => id).toReversed());
    expect(await sent(ownApp)).toMatchObject(jobs.map(({ id }) => ({ id, generation: 0 })));
    await own.close();
  });

  test('a full disk is told apart', async () => {
    const full = () => Promise.reject(new OcrError('storage_full', 'The disk is full'));
    const own = createJobsApp(fixture, { store: withFaults(fixture.store, { accept: full }) });
    expect(await problemOf(await own.post({ image_url: imageUrl }))).toMatchObject({
      status: 507,
      code: 'storage_full',
    });
  });

  test('deep readiness tells', async () => {
    const own = createJobsApp(fixture, { store: withFaults(fixture.store, { check: away }) });
    const response = await own.request('/readyz?deep=1');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      checks: { redis: { ok: true }, store: { ok: false }, blobs: { ok: true } },
    });
    expect(await (await app.request('/readyz?deep=1')).json()).toMatchObject({
      ready: true,
      checks: { store: { ok: true } },
    });
  });
});

describe('DELETE /jobs/{id}', () => {
  test.each(['queued', 'active'] as const)('a job that is %s is canceled at once', async (state) => {
    const { id } = await app.submit();
    if (state === 'active') await runJob(fixture.store, id);
    const response = await app.cancel(id);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id, state: 'canceled' });
    await app.cleanUps.settled();
    expect(app.queue.canceled).toContain(id);
    expect(app.queue.announced).toContainEqual([id, 'canceled']);
    expect((await app.cancel(id)).status).toBe(200);
    expect(await app.job(id)).toMatchObject({ state: 'canceled' });
  });

  test.each(['succeeded', 'internal'] as const)('one that ended with %s stays', async (end) => {
    const { id } = await app.submit();
    await runJob(fixture.store, id, end);
    expect(await problemOf(await app.cancel(id))).toMatchObject({ status: 409, code: 'job_not_cancelable' });
  });

  test('without Redis too', async () => {
    const lonely = createJobsApp(fixture);
    lonely.queue.down = true;
    const { id } = await lonely.submit();
    expect((await lonely.cancel(id)).status).toBe(200);
    await lonely.cleanUps.settled();
  });

  test('ephemeral jobs that go on can be canceled', async () => {
    const own = createJobsApp(fixture, { syncTimeoutMs: 20 });
    const response = await own.analyze(imageUrl, { prefer: 'respond-async' });
    expect(response.status).toBe(202);
    const { id } = acceptedShape.parse(await response.json());
    expect(await (await own.cancel(id)).json()).toEqual({ id, state: 'canceled' });
    expect(own.queue.canceled).toEqual([id]);
    own.queue.finish(id, { ok: true, result: sampleResult });
    expect(await problemOf(await own.cancel(id))).toMatchObject({ code: 'job_not_cancelable' });
  });

  test('what is nowhere cannot be canceled', async () => {
    expect(await problemOf(await app.cancel(unknownId))).toMatchObject({ status: 404, code: 'job_not_found' });
  });
});

describe('POST /jobs/{id}/retry', () => {
  test('a failed job starts over', async () => {
    const { id } = await app.submit();
    await runJob(fixture.store, id, 'download_failed');
    const before = (await sent()).length;
    const response = await app.retry(id);
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe(`/jobs/${id}`);
    const body = jobShape.parse(await response.json());
    expect(body).toMatchObject({ id, state: 'queued', attempts: 0 });
    expect(body).not.toHaveProperty('error');
    const resent = (await sent()).slice(before);
    expect(resent).toMatchObject([{ id, kind: 'durable' }]);
    expect(resent[0]?.generation).toBeGreaterThan(0);
    await runJob(fixture.store, id, 'succeeded');
  });

  test('others do not', async () => {
    const { id } = await app.submit();
    expect(await problemOf(await app.retry(id))).toMatchObject({ status: 409, code: 'job_not_retryable' });
    await runJob(fixture.store, id, 'succeeded');
    expect(await problemOf(await app.retry(id))).toMatchObject({ status: 409, code: 'job_not_retryable' });
    expect(await problemOf(await app.retry(unknownId))).toMatchObject({ status: 404 });
    app.queue.finish(unknownId, { ok: true, result: sampleResult });
    expect(await problemOf(await app.retry(unknownId))).toMatchObject({ status: 409 });
    await app.queue.discard(unknownId);
  });
});

describe('more than may be unfinished', () => {
  test('is no reason for another answer to a retry of what cannot be retried', async () => {
    const own = await openJobsFixture();
    const queue = { workers: () => Promise.resolve([]) };
    const ownApp = createJobsApp(own, { bulkAdmission: createBulkAdmission({ store: own.store, queue, limit: 1 }) });
    const { id } = await ownApp.submit();
    expect((await ownApp.post({ image_url: imageUrl })).status).toBe(429);
    expect(await problemOf(await ownApp.retry(unknownId))).toMatchObject({ status: 404 });
    expect(await problemOf(await ownApp.retry(id))).toMatchObject({ status: 409 });
    await own.close();
  });

  test('is refused with the seconds until there is room', async () => {
    const own = await openJobsFixture();
    let now = 0;
    const queue = { workers: () => Promise.resolve([{ id: 'w', engines: 2, busy: 0, meanPageMs: 500, at: 0 }]) };
    const bulkAdmission = createBulkAdmission({ store: own.store, queue, limit: 10, now: () => now });
    const ownApp = createJobsApp(own, { bulkAdmission });
    const images = (count: number) => ({ images: Array.from({ length: count }, () => ({ image_url: imageUrl })) });
    const { jobs } = await ownApp.submitBatch(images(8));
    const refused = await ownApp.post(images(6));
    // 4 too many, and the workers read 4 a second.
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'queue_full' });
    expect((await ownApp.post(images(2))).status).toBe(202);
    expect((await ownApp.post(images(1))).status).toBe(429);
    expect(await ownApp.registry.getSingleMetricAsString('glyphmill_admission_refused_total')).toMatch(
      /_total\{lane="bulk"\} 2$/m,
    );
    expect(await problemOf(await ownApp.post(images(11)))).toMatchObject({ status: 422 });
    await runJob(own.store, jobs[0]?.id ?? '', 'succeeded');
    now = 20_000;
    expect((await ownApp.post(images(1))).status).toBe(202);
    await own.close();
  });

  test('does not keep anybody from the answer to a request that was taken before', async () => {
    const own = await openJobsFixture();
    const queue = { workers: () => Promise.resolve([]) };
    const ownApp = createJobsApp(own, { bulkAdmission: createBulkAdmission({ store: own.store, queue, limit: 5 }) });
    const image = (n: number, key?: string) => ({ image_url: `${imageUrl}&n=${n}`, idempotency_key: key });
    const single = await ownApp.submit(image(1, 'single'));
    const body = { images: [image(2), image(3)] };
    const batch = await ownApp.submitBatch(body, { 'idempotency-key': 'batch' });
    const upload = { image_url: `data:image/png;base64,${Buffer.from('an upload').toString('base64')}` };
    const uploaded = await ownApp.submit(upload, { 'idempotency-key': 'upload' });
    const last = await ownApp.submit(image(4));
    expect((await ownApp.post(image(5, 'new'))).status).toBe(429);
    expect(await ownApp.submit(image(1, 'single'))).toEqual(single);
    expect(await ownApp.submitBatch(body, { 'idempotency-key': 'batch' })).toEqual(batch);
    expect(await ownApp.submit(upload, { 'idempotency-key': 'upload' })).toEqual(uploaded);
    expect(await problemOf(await ownApp.post(image(9, 'single')))).toMatchObject({ code: 'idempotency_conflict' });
    expect((await ownApp.post({ images: [image(1, 'single'), image(5, 'new')] })).status).toBe(429);
    // What is known needs no room: there is some for one new job now.
    await runJob(own.store, last.id, 'succeeded');
    await expect
      .poll(async () => (await ownApp.post({ images: [image(1, 'single'), image(5, 'new')] })).status, {
        timeout: 5000,
      })
      .toBe(202);
    expect((await ownApp.post(image(6, 'newer'))).status).toBe(429);
    expect(await own.store.countUnfinished()).toBe(5);
    await own.close();
  });
});
