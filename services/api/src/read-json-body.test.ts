import { OcrError } from '@glyphmill/core/errors';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createBodyBudget } from './body-budget.ts';
import { maxBodyBytes, readJsonBody } from './read-json-body.ts';

const schema = z.object({ image_url: z.string() });
const maxBytes = 100;

function read(
  body: NonNullable<RequestInit['body']>,
  headers: Record<string, string> = {},
  budget = createBodyBudget({ maxBytes, freeBytes: 0 }),
) {
  const request = new Request('http://localhost/', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    duplex: 'half',
  });
  return readJsonBody(request, { schema, maxBytes, lease: budget.lease() });
}

async function failure(reading: Promise<unknown>): Promise<OcrError> {
  const error: unknown = await reading.catch((thrown: unknown) => thrown);
  if (error instanceof OcrError) return error;
  throw new Error('It was read, or failed without an OcrError');
}

describe('content types', () => {
  test.each(['application/json', 'Application/JSON', 'application/json; charset=utf-8', 'application/json ;charset=x'])(
    '%s is read',
    async (type) => {
      expect(await read('{"image_url":"x","more":1}', { 'content-type': type })).toEqual({ image_url: 'x' });
    },
  );

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    '',
  ])('%j is not', async (type) => {
    const error = await failure(read('{"image_url":"x"}', { 'content-type': type }));
    expect(error).toMatchObject({ code: 'invalid_request', violations: [{ pointer: 'Content-Type' }] });
  });

  test('compressed bodies are not', async () => {
    const error = await failure(read('{"image_url":"x"}', { 'content-encoding': 'gzip' }));
    expect(error.violations).toMatchObject([{ pointer: 'Content-Encoding' }]);
  });
});

describe('what is wrong is named', () => {
  test.each([
    ['', ''],
    ['{', ''],
    ['{"image_url":', ''],
    ['null', ''],
    ['[]', ''],
    ['"x"', ''],
    ['{}', '/image_url'],
    ['{"image_url":7}', '/image_url'],
    ['{"IMAGE_URL":"x"}', '/image_url'],
  ])('%j at %j', async (body, pointer) => {
    const error = await failure(read(body));
    expect(error).toMatchObject({ code: 'invalid_request', violations: [{ pointer }] });
  });

  test('without quoting the body', async () => {
    const error = await failure(read('{"image_url": hush-hush}'));
    expect(JSON.stringify([error.message, error.violations, String(error.cause)])).not.toContain('hush');
  });

  test('broken UTF-8 is not JSON', async () => {
    const error = await failure(read(new Uint8Array([0x22, 0xff, 0x22])));
    expect(error.code).toBe('invalid_request');
  });
});

describe('the limit', () => {
  test('declared: nothing is read', async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(10));
        },
      },
      { highWaterMark: 0 },
    );
    const error = await failure(read(body, { 'content-length': '101' }));
    expect(error.code).toBe('body_too_large');
    expect(pulled).toBe(0);
  });

  test('chunked: reading stops at the limit', async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(10).fill(0x20));
        },
      },
      { highWaterMark: 0 },
    );
    expect((await failure(read(body))).code).toBe('body_too_large');
    expect(pulled).toBe(11);
  });

  test('counts what has come, not what is announced', async () => {
    const budget = createBodyBudget({ maxBytes: 50, freeBytes: 0 });
    const json = '{"image_url":"x"}';
    expect(await read(json.padEnd(50, ' '), { 'content-length': '99' }, budget)).toEqual({ image_url: 'x' });
    expect((await failure(read(json, {}, budget))).code).toBe('queue_full');
  });

  test('exactly the limit is fine', async () => {
    const json = '{"image_url":"x"}';
    expect(await read(json.padEnd(maxBytes, ' '))).toEqual({ image_url: 'x' });
    expect((await failure(read(json.padEnd(maxBytes + 1, ' ')))).code).toBe('body_too_large');
  });

  test('fits the largest image as a data: URL, slashes escaped', () => {
    const maxImageBytes = 300_000;
    const base64 = Buffer.alloc(maxImageBytes, 0xfc).toString('base64');
    expect(JSON.stringify({ image_url: `data:image/png;base64,${base64}` }).length).toBeLessThan(
      maxBodyBytes(maxImageBytes),
    );
  });
});
