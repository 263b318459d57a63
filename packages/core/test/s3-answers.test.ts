import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { serve, type TestServer } from '@glyphmill/test-servers/http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BlobStore, createS3BlobStore } from '../src/blobs/blobs.ts';

/** Answers that a server of good will does not give when a test wants them. */

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
type Answer = (asked: Asked, response: ServerResponse) => void;

const image = randomBytes(700_000);
const sha256 = createHash('sha256').update(image).digest('hex');
const limit = { maxBytes: 10_000_000 };
const credentials = { accessKeyId: 'my-key-id', secretAccessKey: 'my-secret' };
/** Of those who wait for what never comes. */
const impatient = { connectMs: 1_000, answerMs: 400, silenceMs: 400, requestMs: 1_000 };

let asked: Asked[];
let answers: Answer[];
let server: TestServer;
let store: BlobStore;

beforeEach(async () => {
  asked = [];
  answers = [];
  server = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, headers, body: Buffer.concat(chunks) });
      const answer = answers.shift() ?? notFound;
      answer(asked.at(-1)!, response);
    });
  });
  store = openStore();
});
afterEach(() => server.close());

function openStore(timing = {}): BlobStore {
  const endpoint = `http://127.0.0.1:${server.port}`;
  return createS3BlobStore({ bucket: 'blobs', prefix: 'my/', region: 'eu-1', endpoint, credentials }, { timing });
}

const put = () => store.put(Readable.from([image]), limit);
const ok: Answer = (_asked, response) => void response.end();
const notFound: Answer = (_asked, response) => void response.writeHead(404).end(xmlError('NoSuchKey'));
const refuse =
  (status: number, code: string): Answer =>
  (_asked, response) =>
    void response.writeHead(status, { 'content-type': 'application/xml' }).end(xmlError(code));
const hangUp: Answer = (_asked, response) => void response.destroy();
const hang: Answer = () => undefined;
const bytesOf =
  (bytes: Uint8Array, told = bytes.length): Answer =>
  (_asked, response) => {
    response.writeHead(200, { 'content-length': told });
    response.write(bytes);
    if (told === bytes.length) response.end();
    else setTimeout(() => response.destroy(), 20);
  };

function xmlError(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>my-key-id may not</Message></Error>`;
}

describe('an upload', () => {
  test('says its size and hash, is signed, and is named after hash and hour', async () => {
    answers = [ok];
    expect(await put()).toEqual({ sha256, bytes: image.length });
    const { method, url, headers, body } = asked[0]!;
    expect(method).toBe('PUT');
    const name = `/blobs/my/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
    const hours = [Date.now() - 60_000, Date.now()].map((time) => new Date(time).toISOString().slice(0, 13));
    expect(hours.map((hour) => `${name}.${hour}`)).toContain(decodeURIComponent(url.split('?')[0]!));
    expect(headers).toMatchObject({
      'content-length': String(image.length),
      'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64'),
      authorization: expect.stringMatching(/^AWS4-HMAC-SHA256 Credential=my-key-id\/\d+\/eu-1\/s3\/aws4_request/),
    });
    expect(body.equals(image)).toBe(true);
  });

  test.each([
    ['an error of the server', refuse(500, 'InternalError')],
    ['a request to slow down', refuse(503, 'SlowDown')],
    ['a connection that breaks', hangUp],
  ])('is sent once more, whole, after %s', async (_what, answer) => {
    answers = [answer, answer, ok];
    await put();
    expect(asked.map(({ body }) => body.equals(image))).toEqual([true, true, true]);
  });

  test.each([
    ['is refused', refuse(403, 'AccessDenied'), 1, 'store_unavailable'],
    ['fails three times', refuse(500, 'InternalError'), 3, 'store_unavailable'],
    ['finds the disk full', refuse(507, 'XMinioStorageFull'), 1, 'storage_full'],
    ['finds the quota used up', refuse(403, 'QuotaExceeded'), 1, 'storage_full'],
  ])('that %s fails after the due number of tries', async (_what, answer, tries, code) => {
    answers = [answer, answer, answer, answer];
    await expect(put()).rejects.toMatchObject({ code, retryable: true });
    expect(asked).toHaveLength(tries);
  });

  test('that is not answered fails, and is not sent again: others wait already', async () => {
    answers = [hang];
    const impatientPut = openStore(impatient).put(Readable.from([image.subarray(0, 1000)]), limit);
    await expect(impatientPut).rejects.toMatchObject({ code: 'store_unavailable', cause: { code: 'TimeoutError' } });
    expect(asked.length).toBeLessThanOrEqual(1);
  });

  test('that is broken off while it is sent throws the reason', async () => {
    const controller = new AbortController();
    const reason = new Error('the client hung up');
    answers = [
      () => {
        controller.abort(reason);
      },
    ];
    await expect(store.put(Readable.from([image]), { ...limit, signal: controller.signal })).rejects.toBe(reason);
    expect(asked).toHaveLength(1);
  });
});

describe('reading', () => {
  test('takes what is there in one request', async () => {
    answers = [bytesOf(image)];
    expect(image.equals((await store.read(sha256))!)).toBe(true);
    expect(asked.map(({ method }) => method)).toEqual(['GET']);
  });

  test.each([
    ['that ends too early', bytesOf(image.subarray(0, 1000), image.length)],
    ['of other bytes', bytesOf(randomBytes(image.length))],
  ])('an answer %s is none', async (_what, answer) => {
    answers = [answer];
    await expect(store.read(sha256)).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
  });

  test('an answer that stops in the middle is none', async () => {
    answers = [
      (_asked, response) => {
        response.writeHead(200, { 'content-length': image.length });
        response.write(image.subarray(0, 1000));
      },
    ];
    await expect(openStore(impatient).read(sha256)).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  test('what is refused is not taken for missing', async () => {
    answers = [refuse(403, 'AccessDenied')];
    await expect(store.read(sha256)).rejects.toMatchObject({
      code: 'store_unavailable',
      cause: { code: 'AccessDenied', status: 403, message: 'AccessDenied (403)' },
    });
  });
});

test('a copy that a sweep deletes under a reader is looked for once more', async () => {
  const list: Answer = (_asked, response) => {
    const key = `my/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}.2020-01-01T00`;
    response.end(
      `<ListBucketResult><Contents><Key>${key}</Key><Size>5</Size></Contents><IsTruncated>false</IsTruncated></ListBucketResult>`,
    );
  };
  answers = [notFound, list, notFound, list, bytesOf(image)];
  expect(image.equals((await store.read(sha256))!)).toBe(true);
  // A server whose list never tells the truth is no reason to ask for ever.
  answers = [notFound, ...Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? list : notFound))];
  await expect(store.read(sha256)).rejects.toMatchObject({ code: 'store_unavailable' });
});

test('nothing is written to the console, whatever fails', async () => {
  const written: unknown[] = [];
  const { warn, error, log } = console;
  Object.assign(console, { warn: note, error: note, log: note });
  function note(...what: unknown[]): void {
    written.push(what);
  }
  try {
    answers = [hangUp, hangUp, hangUp];
    await put().catch(() => undefined);
    await store.check().catch(() => undefined);
  } finally {
    Object.assign(console, { warn, error, log });
  }
  expect(written).toEqual([]);
});
