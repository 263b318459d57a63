import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBoxDrawer, type BoxDrawer } from './draw-boxes.ts';

let folder: string;
let draw: BoxDrawer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'glyphmill-cli-'));
  draw = await createBoxDrawer({ maxImagePixels: 1_000_000 });
});

afterAll(() => rm(folder, { recursive: true }));

const line = (text: string, left: number, top: number) =>
  ({
    text,
    confidence: 1,
    box: [
      [left, top],
      [left + 60, top],
      [left + 60, top + 20],
      [left, top + 20],
    ],
  }) as const;

const pageWith = (...lines: ReturnType<typeof line>[]) => ({
  width: 100,
  height: 80,
  lines,
  timings: { decode: 0, detect: 0, classify: 0, recognize: 0, total: 0 },
});

const plain = (channels: 3 | 4, alpha = 1) =>
  sharp({ create: { width: 100, height: 80, channels, background: { r: 255, g: 255, b: 255, alpha } } });

async function drawn(bytes: Uint8Array, ...lines: ReturnType<typeof line>[]) {
  const target = path.join(folder, 'drawn.png');
  await draw({ bytes, page: pageWith(...lines), target });
  const { data, info } = await sharp(await readFile(target))
    .raw()
    .toBuffer({ resolveWithObject: true });
  return {
    info,
    at: (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)],
  };
}

test('tints the box and leaves the rest', async () => {
  const { info, at } = await drawn(await plain(3).jpeg().toBuffer(), line('AB', 20, 40));
  expect(info).toMatchObject({ width: 100, height: 80, channels: 3 });
  expect(at(75, 55)).not.toEqual([255, 255, 255]);
  expect(at(90, 70)).toEqual([255, 255, 255]);
});

test('a gray picture becomes one with colors', async () => {
  const { info, at } = await drawn(await plain(3).toColourspace('b-w').png().toBuffer(), line('AB', 20, 40));
  expect(info.channels).toBe(3);
  expect(new Set(at(75, 55)).size).toBeGreaterThan(1);
});

test('what is transparent lies on gray, so that white and black text both show', async () => {
  const { at } = await drawn(await plain(4, 0).png().toBuffer());
  expect(at(5, 5)).toEqual([150, 150, 150]);
});

test('boxes and texts that reach over the edge, and markup in a text, do no harm', async () => {
  const { info } = await drawn(await plain(3).png().toBuffer(), line('<b>&amp;', 80, -5), line('字\u0000', -30, 75));
  expect(info).toMatchObject({ width: 100, height: 80 });
});

test('no other decoder is reached than for the formats that the engine reads', async () => {
  const bytes = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="100" height="80"/>');
  await expect(drawn(bytes)).rejects.toMatchObject({ code: 'boxes_failed' });
});

test('pictures above the limit are refused', async () => {
  const background = 'white';
  const bytes = await sharp({ create: { width: 1200, height: 1000, channels: 3, background } })
    .png()
    .toBuffer();
  await expect(drawn(bytes)).rejects.toMatchObject({ code: 'boxes_failed' });
});
