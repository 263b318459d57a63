import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromEngineSchema, maxBatchesPerMessage } from './engine-protocol.ts';
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
