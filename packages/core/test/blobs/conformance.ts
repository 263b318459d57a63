import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BlobStore } from '../../src/blobs/blobs.ts';
import { OcrError } from '../../src/errors.ts';

/** An empty place of its own for each test. */
export interface BlobPlace {
  readonly store: BlobStore;
  /** As another process has it. */
  another(): BlobStore;
  /** Addresses of the blobs that are there, and the names of all else that the store has left. */
  stored(): Promise<string[]>;
  /** As if it had been put hours ago; rejects when it is not there. */
  makeOld(sha256: string): Promise<void>;
  /** Hours ago, somebody put these, whose bytes do not matter. */
  putOld(sha256s: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export const shaOf = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
export const limit = { maxBytes: 10_000_000 };
export const hour = 3_600_000;
export const none = async (): Promise<ReadonlySet<string>> => new Set<string>();

export async function put(store: BlobStore, bytes: Uint8Array | string): Promise<string> {
  return (await store.put(Readable.from([Buffer.from(bytes)]), limit)).sha256;
}

export async function textOf(store: Pick<BlobStore, 'read'>, sha256: string): Promise<string | undefined> {
  const bytes = await store.read(sha256);
  return bytes && Buffer.from(bytes).toString();
}

export async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => expect.unreachable(`resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
}

/** Until all that was written has been taken, which may wait for a slow disk. */
async function untilRead(stream: PassThrough): Promise<void> {
  await expect.poll(() => stream.readableLength, { timeout: 20_000 }).toBe(0);
}

/** What every blob store promises, whatever it keeps its blobs in. */
export function describeBlobStore(name: string, open: () => Promise<BlobPlace>): void {
  describe(name, () => {
    let place: BlobPlace;
    let store: BlobStore;
    const get = (): BlobPlace => place;
    beforeEach(async () => {
      place = await open();
      ({ store } = place);
    });
    afterEach(() => place.close());

    describe('put', () => {
      testPut(get);
    });

    describe('size and read', () => {
      test('know nothing of what was never stored', async () => {
        expect(await store.size(shaOf('x'))).toBeUndefined();
        expect(await store.read(shaOf('x'))).toBeUndefined();
      });

      test.each(['', '..', '../../etc/passwd', 'a'.repeat(63), `${'a'.repeat(64)}/`, 'A'.repeat(64), 'incoming', '\0'])(
        'take %j for no blob',
        async (text) => {
          await put(store, 'something');
          expect(await store.size(text)).toBeUndefined();
          expect(await store.read(text)).toBeUndefined();
          expect(await store.touch(text)).toBe(false);
        },
      );
    });

    describe('sweep', () => {
      testSweep(get);
    });
    describe('sweep and others at once', () => {
      testRaces(get);
    });
  });
}

function testPut(get: () => BlobPlace): void {
  test('any bytes in any chunks come back under their hash', async () => {
    const { store, stored } = get();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 20 }), async (chunks) => {
        const whole = Buffer.concat(chunks);
        const sha256 = shaOf(whole);
        const stream = Readable.from(chunks.filter((chunk) => chunk.length > 0).map((chunk) => Buffer.from(chunk)));
        expect(await store.put(stream, limit)).toEqual({ sha256, bytes: whole.length });
        expect(Buffer.from((await store.read(sha256))!).equals(whole)).toBe(true);
        expect(await store.size(sha256)).toBe(whole.length);
      }),
      { numRuns: 30 },
    );
    expect((await stored()).filter((entry) => !/^[0-9a-f]{64}$/.test(entry))).toEqual([]);
  });

  test('the same bytes at once and again are one blob', async () => {
    const { store, another, stored } = get();
    const bytes = randomBytes(300_000);
    const chunks = [bytes.subarray(0, 100_000), bytes.subarray(100_000)];
    const second = another();
    const puts = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? store : second).put(Readable.from(chunks), limit)),
    );
    expect(new Set(puts.map(({ sha256 }) => sha256))).toEqual(new Set([shaOf(bytes)]));
    await put(store, bytes);
    expect(await stored()).toEqual([shaOf(bytes)]);
    expect(Buffer.from((await store.read(shaOf(bytes)))!).equals(bytes)).toBe(true);
  });

  test('several megabytes', async () => {
    const { store } = get();
    const bytes = randomBytes(9_000_000);
    const sha256 = await put(store, bytes);
    expect(await store.size(sha256)).toBe(9_000_000);
    expect(Buffer.from((await store.read(sha256))!).equals(bytes)).toBe(true);
  });

  test('never holds the whole', async () => {
    let inFlight = 0;
    let most = 0;
    const chunk = Buffer.alloc(65_536);
    async function* many() {
      for (let sent = 0; sent < 200; sent += 1) {
        inFlight += 1;
        most = Math.max(most, inFlight);
        yield chunk;
        inFlight -= 1;
      }
    }
    await get().store.put(Readable.from(many(), { highWaterMark: 1 }), { maxBytes: 20_000_000 });
    expect(most).toBeLessThan(5);
  });

  test('exactly as many bytes as allowed are fine, one more is not, and is not read on', async () => {
    const { store, stored } = get();
    const bytes = randomBytes(5000);
    expect(await store.put(Readable.from([bytes]), { maxBytes: 5000 })).toMatchObject({ bytes: 5000 });
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(1000));
      },
    });
    expect(await failure(store.put(endless, { maxBytes: 4999 }))).toMatchObject({ code: 'image_too_large' });
    expect(endless.destroyed).toBe(true);
    expect(await stored()).toEqual([shaOf(bytes)]);
  });

  test.each(['before it is read', 'in the middle'])('a stream that fails %s leaves nothing', async (when) => {
    const { store, stored } = get();
    const broken = new Error('the sender went away');
    const stream = new PassThrough();
    if (when === 'in the middle') stream.write(Buffer.alloc(100));
    const putting = store.put(stream, limit);
    if (when === 'in the middle') await untilRead(stream);
    stream.destroy(broken);
    expect(await failure(putting)).toBe(broken);
    expect(await stored()).toEqual([]);
  });

  test('a stream that ends too early leaves nothing', async () => {
    const { store, stored } = get();
    const stream = new PassThrough();
    stream.write(Buffer.alloc(100));
    const putting = store.put(stream, limit);
    await untilRead(stream);
    stream.destroy();
    expect(await failure(putting)).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    expect(await stored()).toEqual([]);
  });

  test.each([0, 30])('an abort after %i ms throws its reason, ends the stream and leaves nothing', async (afterMs) => {
    const { store, stored } = get();
    const controller = new AbortController();
    const reason = new OcrError('deadline_exceeded', 'too late');
    const stream = new PassThrough();
    stream.write(Buffer.alloc(100));
    if (afterMs === 0) controller.abort(reason);
    else setTimeout(() => controller.abort(reason), afterMs);
    expect(await failure(store.put(stream, { ...limit, signal: controller.signal }))).toBe(reason);
    expect(stream.destroyed).toBe(true);
    expect(await stored()).toEqual([]);
  });
}

function testSweep(get: () => BlobPlace): void {
  test('deletes what is old and not in use, and nothing else', async () => {
    const { store, stored, makeOld } = get();
    const [used, unused, young] = [await put(store, 'used'), await put(store, 'unused'), await put(store, 'young')];
    await makeOld(used);
    await makeOld(unused);
    const asked: string[] = [];
    const inUse = async (sha256s: readonly string[]) => {
      asked.push(...sha256s);
      return new Set([used]);
    };
    expect(await store.sweep({ minAgeMs: hour, inUse })).toBe(1);
    expect(asked.toSorted()).toEqual([used, unused].toSorted());
    expect(await store.read(unused)).toBeUndefined();
    expect((await stored()).toSorted()).toEqual([used, young].toSorted());
  });

  test('asks in portions, however many blobs there are', async () => {
    const { store, stored, putOld } = get();
    const shas = Array.from({ length: 1203 }, (_, index) => shaOf(String(index)));
    await putOld(shas);
    const portions: number[] = [];
    const keep = new Set(shas.slice(0, 3));
    const inUse = async (asked: readonly string[]) => {
      portions.push(asked.length);
      return keep;
    };
    expect(await store.sweep({ minAgeMs: hour, inUse })).toBe(1200);
    expect(portions).toEqual([500, 500, 203]);
    expect((await stored()).toSorted()).toEqual([...keep].toSorted());
  });

  test('no upload that is under way goes', async () => {
    const { store } = get();
    const stream = new PassThrough();
    stream.write('half');
    const putting = store.put(stream, limit);
    await untilRead(stream);
    expect(await store.sweep({ minAgeMs: hour, inUse: none })).toBe(0);
    stream.end(' and half');
    expect(await textOf(store, (await putting).sha256)).toBe('half and half');
  });

  test('passes on what the question throws', async () => {
    const { store, stored, makeOld } = get();
    await makeOld(await put(store, 'x'));
    const unavailable = new OcrError('store_unavailable', 'gone');
    const inUse = async () => {
      throw unavailable;
    };
    expect(await failure(store.sweep({ minAgeMs: hour, inUse }))).toBe(unavailable);
    expect(await stored()).toHaveLength(1);
  });

  test('a put of bytes that are there makes them young again', async () => {
    const { store, makeOld } = get();
    const sha256 = await put(store, 'again');
    await makeOld(sha256);
    await put(store, 'again');
    expect(await store.sweep({ minAgeMs: hour, inUse: none })).toBe(0);
    expect(await store.size(sha256)).toBe(5);
  });

  test('a blob that is touched is young again; what is not there cannot be', async () => {
    const { store, makeOld } = get();
    const sha256 = await put(store, 'touched');
    await makeOld(sha256);
    expect(await store.touch(sha256)).toBe(true);
    expect(await store.touch(shaOf('never'))).toBe(false);
    expect(await store.sweep({ minAgeMs: hour, inUse: none })).toBe(0);
    expect(await textOf(store, sha256)).toBe('touched');
  });

  test('what is in use for long is read for long', async () => {
    const { store, makeOld } = get();
    const sha256 = await put(store, 'kept');
    await makeOld(sha256);
    const inUse = async () => new Set([sha256]);
    for (let round = 0; round < 3; round += 1) expect(await store.sweep({ minAgeMs: hour, inUse })).toBe(0);
    expect(await textOf(store, sha256)).toBe('kept');
    expect(await store.size(sha256)).toBe(4);
  });
}

function testRaces(get: () => BlobPlace): void {
  test.each(['before', 'after'])('a touch %s the question is answered is never lost', async (when) => {
    const { store, makeOld } = get();
    const sha256 = await put(store, 'touched');
    await makeOld(sha256);
    let touched = Promise.resolve(false);
    const inUse = async () => {
      touched = store.touch(sha256);
      if (when === 'before') await touched;
      return new Set<string>();
    };
    await store.sweep({ minAgeMs: hour, inUse });
    expect((await store.size(sha256)) !== undefined).toBe(await touched);
  });

  test('a put while the question is asked is never lost', async () => {
    const { store, stored, makeOld } = get();
    const sha256 = await put(store, 'raced');
    await makeOld(sha256);
    const inUse = async () => {
      await put(store, 'raced');
      return new Set<string>();
    };
    await store.sweep({ minAgeMs: hour, inUse });
    expect(await textOf(store, sha256)).toBe('raced');
    expect(await stored()).toEqual([sha256]);
  });

  test('puts, reads and several sweeps at once: what was put is there, always', async () => {
    const { store, another, makeOld } = get();
    const contents = Array.from({ length: 8 }, (_, index) => `content ${index}`);
    const others = [another(), another()];
    const until = Date.now() + 1500;
    const maxRounds = 1_000;
    let isOver = false;
    const sweeping = others.map(async (other) => {
      let swept = 0;
      while (!isOver) swept += await other.sweep({ minAgeMs: hour, inUse: none });
      return swept;
    });
    const putting = contents.map(async (content) => {
      let rounds = 0;
      while (rounds < 4 || (Date.now() < until && rounds < maxRounds)) {
        const sha256 = await put(store, content);
        // From now on it is young: no sweep may take it, not even one that had looked at it when it was old.
        expect(await textOf(store, sha256)).toBe(content);
        expect(await others[0]!.size(sha256)).toBe(content.length);
        await makeOld(sha256).catch(() => {});
        await delay(Math.random() * 5);
        rounds += 1;
      }
    });
    await Promise.all(putting).finally(() => {
      isOver = true;
    });
    const swept = await Promise.all(sweeping);
    expect(swept.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  });
}
