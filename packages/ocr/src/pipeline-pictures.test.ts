import sharp from 'sharp';
import { expect, it, vi } from 'vitest';
import { drawPictures } from './image.ts';
import type { Model } from './model.ts';
import { type Networks, readPage } from './pipeline.ts';
import { defaultImageLimits } from './types.ts';

vi.mock(import('./image.ts'), async (original) => ({
  ...(await original()),
  drawPictures: vi.fn(() => Promise.reject(new Error('This page cannot be drawn'))),
}));

/** Finds nothing. */
const blind: Model = {
  run: ({ dims: [, , height = 0, width = 0] }) =>
    Promise.resolve([{ data: new Float32Array(height * width), dims: [1, 1, height, width] }]),
  close: () => Promise.resolve(),
};
const networks: Networks = {
  detector: blind,
  boxes: { binThreshold: 0.2, boxThreshold: 0.45, unclipRatio: 0 },
  classifier: { model: blind, threshold: 0.9 },
  recognizer: { model: blind, characters: [] },
};

it('a page that cannot be drawn is read all the same; without being asked, none is drawn', async () => {
  const bytes = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#fff' } })
    .png()
    .toBuffer();
  const options = { limits: defaultImageLimits, minConfidence: 0.5 };
  expect(await readPage(networks, bytes, options)).not.toHaveProperty('timings.draw');
  expect(drawPictures).not.toHaveBeenCalled();
  const page = await readPage(networks, bytes, { ...options, pictures: 'webp' });
  expect(page).toMatchObject({ width: 64, height: 64, lines: [] });
  expect(page).not.toHaveProperty('pictures');
  expect(drawPictures).toHaveBeenCalledOnce();
});
