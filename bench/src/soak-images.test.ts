import sharp from 'sharp';
import { expect, it } from 'vitest';
import { createRandom, cropSmall, type DecodedSource } from './soak-images.ts';

const page: DecodedSource = { data: Buffer.alloc(300 * 100 * 3, 200), width: 300, height: 100 };

async function shapes(seed: number, count: number): Promise<string[]> {
  const random = createRandom(seed);
  const found: string[] = [];
  for (let i = 0; i < count; i++) {
    const { width, height } = await sharp(await cropSmall(page, random)).metadata();
    expect(width).toBeLessThanOrEqual(page.width);
    expect(height).toBeLessThanOrEqual(page.height);
    found.push(`${width}x${height}`);
  }
  return found;
}

it('cuts pieces of ever new shapes from a picture, the same for the same seed', async () => {
  const found = await shapes(1, 40);
  expect(new Set(found).size).toBeGreaterThan(30);
  expect(await shapes(1, 40)).toEqual(found);
});
