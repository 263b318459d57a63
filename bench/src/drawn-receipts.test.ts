import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { drawReceipt, drawReceipts } from './drawn-receipts.ts';
import { loadImages } from './image-set.ts';

test('the same number is the same receipt, another one another', async () => {
  const [first, again, other] = await Promise.all([drawReceipt(1), drawReceipt(1), drawReceipt(2)]);
  expect(again).toEqual(first);
  expect(other.lines).not.toEqual(first.lines);
});

test('the ink is where the truth says, and nowhere else', async () => {
  const { image, lines } = await drawReceipt(3);
  const { data, info } = await sharp(image).grayscale().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const isInk = (x: number, y: number): boolean => (data[y * width + x] ?? 255) < 128;
  const covered = new Set<number>();
  for (const {
    text,
    extent: [left, top, right, bottom],
  } of lines) {
    expect([left >= 0, top >= 0, right <= width, bottom <= height], text).toEqual([true, true, true, true]);
    let ink = 0;
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++) {
        covered.add(y * width + x);
        if (isInk(x, y)) ink++;
      }
    // Letters fill some of their rectangle.
    expect(ink / ((right - left) * (bottom - top)), text).toBeGreaterThan(0.05);
  }
  let stray = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) if (isInk(x, y) && !covered.has(y * width + x)) stray++;
  expect(stray).toBe(0);
});

test('a folder of them is a set of images with truth', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'receipts-'));
  try {
    const images = await loadImages(await drawReceipts(folder, 2), undefined);
    expect(images.map(({ file }) => file)).toEqual(['receipt-001.jpg', 'receipt-002.jpg']);
    const { lines } = await drawReceipt(1);
    expect(images[0]?.truth).toEqual(lines);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
