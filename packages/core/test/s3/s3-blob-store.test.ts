import { CopyObjectCommand, DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { startS3, type TestS3 } from '@glyphmill/test-servers/s3';
import { inspect } from 'node:util';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BlobStore, createS3BlobReader, createS3BlobStore, type S3Place } from '../../src/blobs/blobs.ts';
import type { OcrError } from '../../src/errors.ts';
import { describeBlobStore, failure, hour, limit, none, put, shaOf, textOf } from '../blobs/conformance.ts';

let s3: TestS3;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3?.stop());

let places = 0;
function newPlace(): S3Place {
  const { bucket, prefix, endpoint, credentials } = s3;
  places += 1;
  return { bucket, prefix: `${prefix}/place-${places}/`, endpoint, credentials, region: 'us-east-1' };
}

const hourText = (time: number) => new Date(time).toISOString().slice(0, 13);
const longAgo = () => hourText(Date.now() - 3 * hour);
const keyOf = ({ prefix }: S3Place, sha256: string, ofHour: string) =>
  `${prefix}${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}.${ofHour}`;

async function keysOf(place: S3Place): Promise<string[]> {
  const keys: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const command = new ListObjectsV2Command({ Bucket: place.bucket, Prefix: place.prefix, ContinuationToken });
    const page = await s3.client.send(command);
    keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key.slice(place.prefix.length)));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return keys;
}

async function putRaw(place: S3Place, key: string, text = 'x'): Promise<void> {
  await s3.client.send(new PutObjectCommand({ Bucket: place.bucket, Key: key, Body: text }));
}

/** What was put in this hour or the one before is from now on three hours old. */
async function makeOld(place: S3Place, sha256: string): Promise<void> {
  const { bucket: Bucket } = place;
  const to = keyOf(place, sha256, longAgo());
  const young = [Date.now() - hour, Date.now()].map((time) => keyOf(place, sha256, hourText(time)));
  const copied = await Promise.allSettled(
    young.map((key) => s3.client.send(new CopyObjectCommand({ Bucket, Key: to, CopySource: `${Bucket}/${key}` }))),
  );
  if (copied.every(({ status }) => status === 'rejected')) throw new Error('There is nothing to make old');
  await Promise.all(young.map((Key) => s3.client.send(new DeleteObjectCommand({ Bucket, Key }))));
}

describeBlobStore('blobs in a bucket', async () => {
  const place = newPlace();
  return {
    store: createS3BlobStore(place),
    another: () => createS3BlobStore(place),
    async stored() {
      const names = (await keysOf(place)).map((key) => key.replace(/^..\/..\/([0-9a-f]{64})\..*$/, '$1'));
      return [...new Set(names)];
    },
    makeOld: (sha256) => makeOld(place, sha256),
    async putOld(sha256s) {
      const ofHour = longAgo();
      for (let first = 0; first < sha256s.length; first += 20) {
        const some = sha256s.slice(first, first + 20);
        await Promise.all(some.map((sha256) => putRaw(place, keyOf(place, sha256, ofHour))));
      }
    },
    close: async () => undefined,
  };
});

describe('hours', () => {
  const start = Date.parse('2026-01-31T22:59:00Z');
  let now: number;
  let place: S3Place;
  let store: BlobStore;
  beforeEach(() => {
    now = start;
    place = newPlace();
    store = createS3BlobStore(place, { now: () => now });
  });
  const hours = async () => (await keysOf(place)).map((key) => key.slice(key.lastIndexOf('.') + 1));

  test('each hour in which a blob is put or touched makes a copy, and the first read finds the youngest', async () => {
    const sha256 = await put(store, 'hourly');
    await put(store, 'hourly');
    expect(await hours()).toEqual(['2026-01-31T22']);
    now += 2 * 60_000;
    expect(await textOf(store, sha256)).toBe('hourly');
    await put(store, 'hourly');
    now += hour;
    expect(await store.touch(sha256)).toBe(true);
    expect(await store.touch(sha256)).toBe(true);
    expect(await hours()).toEqual(['2026-01-31T22', '2026-01-31T23', '2026-02-01T00']);
    now += 100 * hour;
    expect(await textOf(store, sha256)).toBe('hourly');
    expect(await store.size(sha256)).toBe(6);
  });

  test('a sweep leaves one copy of what is needed, and none of what is not', async () => {
    const [used, unused] = [await put(store, 'used'), await put(store, 'unused')];
    now += 2 * hour;
    await Promise.all([put(store, 'used'), store.touch(unused)]);
    expect(await keysOf(place)).toHaveLength(4);
    // The younger ones stand for two hours yet.
    expect(await store.sweep({ minAgeMs: hour, inUse: none })).toBe(0);
    expect(await hours()).toEqual(['2026-02-01T00', '2026-02-01T00']);
    now += 3 * hour;
    await put(store, 'young');
    expect(await store.sweep({ minAgeMs: hour, inUse: async () => new Set([used]) })).toBe(1);
    expect((await hours()).toSorted()).toEqual(['2026-02-01T00', '2026-02-01T03']);
    expect(await textOf(store, used)).toBe('used');
    expect(await store.read(unused)).toBeUndefined();
  });

  test('an hour is over when its last minute is', async () => {
    await put(store, 'x');
    now = Date.parse('2026-01-31T23:59:59.999Z');
    expect(await store.sweep({ minAgeMs: hour, inUse: none })).toBe(0);
    now += 1;
    expect(await store.sweep({ minAgeMs: hour, inUse: none })).toBe(1);
  });

  test('copies of one blob are one, also where a page of the list ends between them', async () => {
    const shas = Array.from({ length: 350 }, (_, index) => shaOf(`paged ${index}`));
    const three = ['2026-01-01T00', '2026-01-01T01', '2026-01-01T02'];
    for (const sha256 of shas) await Promise.all(three.map((ofHour) => putRaw(place, keyOf(place, sha256, ofHour))));
    const asked: string[] = [];
    const inUse = async (sha256s: readonly string[]) => {
      asked.push(...sha256s);
      return new Set(shas);
    };
    expect(await store.sweep({ minAgeMs: hour, inUse })).toBe(0);
    expect(asked).toHaveLength(350);
    const left = await hours();
    expect([left.length, new Set(left)]).toEqual([350, new Set(['2026-01-01T02'])]);
  });

  test('what is not its own stays, and is no blob', async () => {
    const sha256 = shaOf('foreign');
    const names = [
      'check',
      'notes.txt',
      'ab/cd/README',
      `ab/cd/${sha256}.2020-01-01T00`,
      `${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`,
      `${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}.2020-13-01T00`,
      `${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}.2020-01-01T00.bak`,
      `${sha256}.2020-01-01T00`,
    ];
    for (const name of names) await putRaw(place, place.prefix + name);
    const neighbor = newPlace();
    await putRaw(neighbor, keyOf(neighbor, sha256, '2020-01-01T00'));
    expect(await store.sweep({ minAgeMs: hour, inUse: none })).toBe(0);
    expect((await keysOf(place)).toSorted()).toEqual(names.toSorted());
    expect(await store.size(sha256)).toBeUndefined();
    expect(await store.read(sha256)).toBeUndefined();
    expect(await keysOf(neighbor)).toHaveLength(1);
  });
});

test('a reader finds what a store has put', async () => {
  const place = newPlace();
  const sha256 = await put(createS3BlobStore(place), 'a picture');
  const reader = createS3BlobReader(place);
  expect(Object.keys(reader).toSorted()).toEqual(['read', 'size']);
  expect(await textOf(reader, sha256)).toBe('a picture');
  expect(await reader.size(sha256)).toBe(9);
  await makeOld(place, sha256);
  expect(await textOf(reader, sha256)).toBe('a picture');
});

test('other bytes than those of the address are no answer', async () => {
  const place = newPlace();
  const sha256 = shaOf('the right ones');
  await putRaw(place, keyOf(place, sha256, longAgo()), 'the wrong ones');
  expect(await failure(createS3BlobStore(place).read(sha256))).toMatchObject({
    code: 'store_unavailable',
    cause: { code: 'OtherBytes' },
  });
});

describe('a place that fails', () => {
  const sha256 = shaOf('x');
  /** All that can fail, by the name of the call. */
  const calls = (store: BlobStore): Record<string, Promise<unknown>> => ({
    put: put(store, 'x'),
    size: store.size(sha256),
    read: store.read(sha256),
    touch: store.touch(sha256),
    sweep: store.sweep({ minAgeMs: hour, inUse: none }),
    check: store.check(),
  });
  async function expectAway(store: BlobStore, cause: object): Promise<void> {
    // At once: each takes its time where nobody answers.
    const failures = Object.entries(calls(store)).map(async ([name, call]) => ({ name, error: await failure(call) }));
    for (const { name, error } of await Promise.all(failures)) {
      expect(error, name).toMatchObject({ code: 'store_unavailable', retryable: true, cause });
    }
  }

  test('a bucket that is not there is a failure, and not an empty one', async () => {
    await expectAway(createS3BlobStore({ ...newPlace(), bucket: 'nowhere' }), { code: 'NoSuchBucket', status: 404 });
  });

  test('a wrong key is a failure, of which nothing secret is told', async () => {
    const place = newPlace();
    const credentials = { ...s3.credentials, secretAccessKey: 'not-the-secret-of-anybody' };
    const store = createS3BlobStore({ ...place, credentials });
    await expectAway(store, { status: 403 });
    const error = (await failure(store.touch(sha256))) as OcrError;
    const told = inspect(error, { depth: 10, showHidden: true });
    expect(told).toContain('S3Failure');
    for (const secret of ['not-the-secret', s3.credentials.accessKeyId, 'Signature=', place.prefix]) {
      expect(told).not.toContain(secret);
    }
  });

  test('killed and back: calls fail at once, and all that was confirmed is there', async ({ skip }) => {
    skip(!s3.isOurs, 'the server of TEST_S3_URL is not ours to break');
    const store = createS3BlobStore(newPlace());
    const kept = await put(store, 'kept');
    await s3.kill();
    await expectAway(store, { code: 'ECONNREFUSED' });
    const content = Readable.from([Buffer.from('x')]);
    await failure(store.put(content, limit));
    expect(content.destroyed).toBe(true);
    await s3.start();
    await store.check();
    expect(await textOf(store, kept)).toBe('kept');
    expect(await textOf(store, await put(store, 'new'))).toBe('new');
  });

  test('hanging and back: calls fail after a while, and go on when it does', async ({ skip }) => {
    skip(!s3.isOurs, 'the server of TEST_S3_URL is not ours to break');
    const timing = { connectMs: 500, answerMs: 500, silenceMs: 500, requestMs: 1_500 };
    const store = createS3BlobStore(newPlace(), { timing });
    const kept = await put(store, 'kept');
    s3.pause();
    try {
      await expectAway(store, { code: expect.stringMatching(/^(TimeoutError|AbortError)$/) });
    } finally {
      s3.resume();
    }
    await store.check();
    expect(await textOf(store, kept)).toBe('kept');
  });
});
