import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromEngineSchema } from './engine-protocol.ts';
import { maxBatchesPerMessage } from './max-batches.ts';
import { webpSize } from './webp-size.ts';

let small: Buffer;
beforeAll(async () => {
  small = await webp(32, 16).toBuffer();
});

function webp(width: number, height: number) {
  return sharp({ create: { width, height, channels: 3, background: '#369' } }).webp();
}

function isTaken(pictures: unknown): boolean {
  const timings = { decode: 1, detect: 1, classify: 1, recognize: 1, draw: 1, total: 5 };
  const result = { width: 10, height: 10, lines: [], timings, ...(pictures !== undefined && { pictures }) };
  return fromEngineSchema.safeParse({ type: 'result', id: 1, result, usage: { rssBytes: 1, cpuSeconds: 1 } }).success;
}

describe('pictures from an engine process', () => {
  it('may be there or not', () => {
    expect([isTaken(undefined), isTaken({ preview: small, thumbnail: small })]).toEqual([true, true]);
  });

  it.each([
    ['a text', () => 'RIFF'],
    ['nothing', () => new Uint8Array()],
    ['HTML', () => Buffer.from('<script>alert(1)</script>'.padEnd(200))],
    [
      'a PNG',
      () =>
        sharp({ create: { width: 9, height: 9, channels: 3, background: '#369' } })
          .png()
          .toBuffer(),
    ],
    [
      'a WebP with metadata',
      () =>
        webp(9, 9)
          .withExif({ IFD0: { Copyright: 'x' } })
          .toBuffer(),
    ],
    ['a WebP without loss, which none of ours is', () => webp(9, 9).webp({ lossless: true }).toBuffer()],
    ['one that is cut short', () => small.subarray(0, -2)],
    ['one with something behind it', () => Buffer.concat([small, Buffer.from('<script>')])],
    ['one that is larger than a thumbnail', () => webp(321, 9).toBuffer()],
    ['one that is higher than a thumbnail', () => webp(9, 321).toBuffer()],
    ['one of too many bytes', () => paddedWebp(5_000_000)],
  ])('are refused: %s', async (_, make) => {
    expect(isTaken({ preview: small, thumbnail: await make() })).toBe(false);
  });

  it('are two', () => {
    expect(isTaken({ preview: small })).toBe(false);
  });
});

/** Well formed, but for what its one frame holds behind the picture. */
function paddedWebp(bytes: number): Buffer {
  const padded = Buffer.concat([small, Buffer.alloc(bytes - small.length)]);
  padded.writeUInt32LE(bytes - 8, 4);
  padded.writeUInt32LE(bytes - 20, 16);
  expect(webpSize(padded)).toEqual({ width: 32, height: 16 });
  return padded;
}

describe('webpSize', () => {
  it.each([
    [1, 1],
    [320, 213],
    [16_383, 2],
  ])('tells %i × %i', async (width, height) => {
    expect(webpSize(await webp(width, height).toBuffer())).toEqual({ width, height });
  });
});

describe('batches from an engine process', () => {
  const batch = { model: 'recognizer', size: 8, fill: 0.9 };
  const failed = { type: 'error', id: 1, error: { code: 'image_unreadable', message: 'It is cut short' } };
  const usage = { rssBytes: 1, cpuSeconds: 1 };
  const isTakenAs = (batches: unknown) => fromEngineSchema.safeParse({ ...failed, usage, batches }).success;

  it('are taken', () => {
    expect(isTakenAs([batch, { ...batch, model: 'detector', size: 1, fill: 1 }])).toBe(true);
  });

  it.each([
    ['of a kind that is none', batch],
    ['too many', Array.from({ length: maxBatchesPerMessage + 1 }, () => batch)],
    ['of a network that is none', [{ ...batch, model: 'x'.repeat(100) }]],
    ['of nothing', [{ ...batch, size: 0 }]],
    ['of more than any', [{ ...batch, size: 5_000 }]],
    ['of a part', [{ ...batch, size: 1.5 }]],
    ['that are fuller than full', [{ ...batch, fill: 1.1 }]],
    ['with no number', [{ ...batch, fill: Number.NaN }]],
  ])('are refused: %s', (_, batches) => {
    expect(isTakenAs(batches)).toBe(false);
  });
});

describe('lines from an engine process', () => {
  const crop = (width: number, bytes = 3 * 48 * width) => ({ width, height: 48, data: new Uint8Array(bytes) });
  const isTakenAs = (crops: unknown) => fromEngineSchema.safeParse({ type: 'lines', id: 1, chunk: 0, crops }).success;

  it('are taken', () => {
    expect(isTakenAs([crop(320), crop(8)])).toBe(true);
    expect(isTakenAs([crop(4_096)])).toBe(true);
  });

  it.each([
    ['none', []],
    ['too many', Array.from({ length: 65 }, () => crop(8))],
    ['together longer than any line', [crop(4_000), crop(97)]],
    ['longer than any line', [crop(4_097)]],
    ['of another height', [{ ...crop(320), height: 32, data: new Uint8Array(3 * 32 * 320) }]],
    ['with fewer bytes than pixels', [crop(320, 10)]],
    ['with more bytes than pixels', [crop(8, 10_000_000)]],
    ['of no bytes at all', [{ ...crop(8), data: 'x'.repeat(3 * 48 * 8) }]],
  ])('are refused: %s', (_, crops) => {
    expect(isTakenAs(crops)).toBe(false);
  });

  it.each([
    ['what they say', { text: 'abc', confidence: 0.5 }, true],
    ['too long a text', { text: 'x'.repeat(5_001), confidence: 0.5 }, false],
    ['surer than sure', { text: 'abc', confidence: 1.5 }, false],
    ['no text', { text: 7, confidence: 0.5 }, false],
  ])('are read by a helper: %s', (_, reading, isRight) => {
    const usage = { rssBytes: 1, cpuSeconds: 1 };
    expect(fromEngineSchema.safeParse({ type: 'readings', readings: [reading], usage }).success).toBe(isRight);
  });
});
