import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from './src/eventually.ts';
import { expectLines, expectProblem, testAftermath } from './src/expectations.ts';
import type { Behavior } from './src/image-server.ts';
import { freePort } from '@glyphmill/test-servers/free-port';
import { codeOf, Stack } from './src/stack.ts';
import { codeLine, drawHuge, drawSeeds, type SeedFormat, seedFormats, toDataUrl } from './src/test-images.ts';

const maxImageBytes = 300_000;

let stack: Stack;
let seeds: Readonly<Record<SeedFormat, Buffer>>;
beforeAll(async () => {
  seeds = await drawSeeds();
  stack = await Stack.start({
    env: {
      MAX_IMAGE_BYTES: String(maxImageBytes),
      MAX_IMAGE_PIXELS: '2MP',
      FETCH_TIMEOUT_MS: '1500',
    },
  });
});
afterAll(() => stack?.stop());

const postJson = (body: string, headers: Readonly<Record<string, string>> = {}) =>
  stack.send({
    method: 'POST',
    path: '/analyze',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });

describe('who asks', () => {
  test.each([
    ['nothing', ''],
    ['a wrong password', `Basic ${Buffer.from('clerk:wrong').toString('base64')}`],
    ['another scheme', 'Bearer abc'],
    ['no base64', 'Basic %%%'],
  ])('401 unauthorized: %s', async (_what, authorization) => {
    for (const path of ['/analyze', `/jobs/${randomUUID()}`, '/openapi.json']) {
      const method = path === '/analyze' ? 'POST' : 'GET';
      expectProblem(await stack.send({ method, path, headers: { authorization } }), 401, 'unauthorized');
    }
  });

  test('403 forbidden_origin: a host that is not ours, a page of somebody else', async () => {
    const body = JSON.stringify({ image_url: stack.pictureUrl('small') });
    for (const headers of [
      { host: 'evil.example' },
      { host: `evil.example:${stack.apiPort}` },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      expectProblem(await postJson(body, headers), 403, 'forbidden_origin');
    }
    expectLines(await postJson(body, { origin: `http://127.0.0.1:${stack.apiPort}` }), [codeLine]);
    expectLines(await postJson(body, { 'sec-fetch-site': 'same-origin' }), [codeLine]);
  });
});

describe('what is asked for', () => {
  test('404 not_found and job_not_found', async () => {
    expectProblem(await stack.send({ path: '/nothing/here' }), 404, 'not_found');
    expectProblem(await stack.send({ path: `/jobs/${randomUUID()}` }), 404, 'job_not_found');
    expectProblem(await stack.send({ path: '/jobs/not-an-id' }), 404, 'job_not_found');
  });

  test('405 method_not_allowed, with what is allowed', async () => {
    const answer = await stack.send({ path: '/analyze' });
    expectProblem(answer, 405, 'method_not_allowed');
    expect(answer.headers['allow']).toBe('POST');
    expectProblem(await stack.send({ method: 'PATCH', path: `/jobs/${randomUUID()}` }), 405, 'method_not_allowed');
  });

  test.each<[string, string, Record<string, string>?]>([
    ['no JSON', '{'],
    ['nothing', ''],
    ['not an object', '"http://example.com/a.png"'],
    ['no image_url', '{}'],
    ['an image_url that is no text', '{"image_url":7}'],
    ['an empty image_url', '{"image_url":""}'],
    ['a broken data: URL', '{"image_url":"data:image/png;base64"}'],
    ['a data: URL that is no base64', '{"image_url":"data:image/png;base64,@@@@"}'],
    ['no content type', '{"image_url":"http://example.com/"}', { 'content-type': '' }],
    ['another content type', '{"image_url":"http://example.com/"}', { 'content-type': 'text/plain' }],
    ['a form', 'image_url=http://example.com/', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['form data', '--x\r\n\r\n--x--', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['a compressed body', '{}', { 'content-encoding': 'gzip' }],
  ])('422 invalid_request: %s', async (_what, body, headers) => {
    const answer = await postJson(body, headers);
    expectProblem(answer, 422, 'invalid_request');
    const { errors } = answer.json as { errors?: { pointer: string; detail: string }[] };
    expect(errors?.length).toBeGreaterThanOrEqual(1);
  });

  test('413 body_too_large, whether or not the length is announced', async () => {
    const body = JSON.stringify({ image_url: `data:,${'x'.repeat(4 * maxImageBytes)}` });
    expectProblem(await postJson(body), 413, 'body_too_large');
    expectProblem(await postJson(body, { 'transfer-encoding': 'chunked' }), 413, 'body_too_large');
  });
});

describe('the image', () => {
  test('413 image_too_large: bytes', async () => {
    const tooMany = Buffer.concat([stack.pictures.small, Buffer.alloc(maxImageBytes)]);
    expectProblem(await stack.analyze(toDataUrl(tooMany)), 413, 'image_too_large');
    for (const behavior of ['huge', 'endless'] as const) {
      expectProblem(await stack.analyze(stack.images.url(behavior)), 413, 'image_too_large');
    }
  });

  test('413 image_too_large: pixels', async () => {
    expectProblem(await stack.analyze(stack.pictureUrl('long')), 413, 'image_too_large');
    const bomb = await drawHuge(30);
    expect(bomb.length).toBeLessThan(maxImageBytes);
    expectProblem(await stack.analyze(toDataUrl(bomb)), 413, 'image_too_large');
  });

  test.each([
    ['text', 'Dear customer,'],
    ['a web page', '<!doctype html><title>Sign in</title>'],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ['PDF', '%PDF-1.7\n1 0 obj\n'],
    ['a BMP', 'BM\x9a\0\0\0\0\0\0\0'],
    ['a program', '\x7fELF\x02\x01\x01'],
  ])('415 image_unsupported: %s', async (_what, content) => {
    expectProblem(await stack.analyze(toDataUrl(Buffer.from(content, 'latin1'))), 415, 'image_unsupported');
  });

  test('415 image_unsupported: a web page that was downloaded as an image', async () => {
    expectProblem(await stack.analyze(stack.images.url('page')), 415, 'image_unsupported');
  });

  test('422 image_unreadable: empty, cut off, corrupt', async () => {
    const { giftCard } = stack.pictures;
    const corrupt = Buffer.from(giftCard);
    corrupt.fill(0x55, 200, 4000);
    for (const url of [
      'data:image/png;base64,',
      stack.images.url('empty'),
      toDataUrl(giftCard.subarray(0, giftCard.length / 2)),
      toDataUrl(giftCard.subarray(0, 20)),
      toDataUrl(corrupt),
    ]) {
      expectProblem(await stack.analyze(url), 422, 'image_unreadable');
    }
  });

  test.each(seedFormats)('422 image_unreadable: %s, cut off', async (format) => {
    const seed = seeds[format];
    for (const share of [0.95, 0.5]) {
      const answer = await stack.analyze(toDataUrl(seed.subarray(0, seed.length * share)));
      expectProblem(answer, 422, 'image_unreadable');
    }
  });
});

describe('the download', () => {
  test.each<[Behavior, string]>([
    ['missing', '404'],
    ['broken', '500'],
    ['part', '206'],
    ['loop', 'redirect'],
    ['short', 'promised'],
    ['gibberish', 'HTTP'],
  ])('424 download_failed: %s', async (behavior, reason) => {
    const answer = await stack.analyze(stack.images.url(behavior));
    expectProblem(answer, 424, 'download_failed');
    expect((answer.json as { detail: string }).detail).toContain(reason);
  });

  test('424 download_failed: connection refused, a name that does not resolve', async () => {
    const nobody = await freePort(stack.images.address);
    expectProblem(await stack.analyze(`http://${stack.images.address}:${nobody}/a.png`), 424, 'download_failed');
    expectProblem(await stack.analyze('http://no-such-name.invalid/a.png'), 424, 'download_failed');
  });

  test('424 download_timeout: silence, and slow-loris servers', async () => {
    const behaviors = ['hang', 'slow-headers', 'slow-body'] as const;
    const answers = await Promise.all(behaviors.map((behavior) => stack.analyze(stack.images.url(behavior))));
    for (const answer of answers) expectProblem(answer, 424, 'download_timeout');
    await eventually(() => stack.images.openConnections() === 0, {
      timeoutMs: 10_000,
      what: 'connections to be dropped',
    });
  });
});

describe('the service', () => {
  test('500 internal tells nothing', async () => {
    const id = randomUUID();
    await stack.redis.client.set(`{glyphmill}:mailbox:${id}`, '{"ok":"perhaps"}');
    expectProblem(await stack.send({ path: `/jobs/${id}` }), 500, 'internal');
  });
});

testAftermath(() => stack);

describe('time and room', () => {
  let hurried: Stack;
  beforeAll(async () => {
    // The page itself may take for ever.
    hurried = await Stack.start({ env: { SYNC_TIMEOUT_MS: '3000', PAGE_TIMEOUT_MS: '600000' } });
  });
  afterAll(() => hurried?.stop());

  beforeEach(async () => {
    await hurried.expectWorking();
    await hurried.enginesIdle(1);
    hurried.freezeEngines();
  });

  test('504 deadline_exceeded, and the work is canceled', async () => {
    expectProblem(await hurried.analyze(hurried.pictureUrl('giftCard')), 504, 'deadline_exceeded');
    // The engine still stands still: only because its page was taken from it, and it was replaced, is this one read.
    await hurried.expectWorking();
  });

  test('429 queue_full, with an honest Retry-After', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => hurried.analyze(hurried.pictureUrl('small'))));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expectProblem(answer, 429, 'queue_full');
    for (const answer of answers.filter(({ status }) => status !== 429)) {
      expect([200, 504], `${codeOf(answer)}`).toContain(answer.status);
    }
    await hurried.expectWorking();
  });

  testAftermath(() => hurried);
});
