import { expect, it } from 'vitest';
import { imageNet, symmetric, writePlanes } from './normalize.ts';

const image = { data: Uint8Array.from([255, 128, 0, 0, 0, 0]), width: 2, height: 1 };

it('writes BGR planes, -1..1, and leaves what the image does not cover', () => {
  const target = new Float32Array(2 * 3 * 2 * 3);
  writePlanes(image, symmetric, target, { item: 1, height: 2, width: 3 });
  expect(target.subarray(0, 18).every((value) => value === 0)).toBe(true);
  const [blue, green, red] = [18, 24, 30].map((from) => [...target.subarray(from, from + 6)]);
  expect(blue).toEqual([-1, -1, 0, 0, 0, 0]);
  expect(green).toEqual([expect.closeTo(0.00392, 4), -1, 0, 0, 0, 0]);
  expect(red).toEqual([1, -1, 0, 0, 0, 0]);
});

it('lays the mean and deviation of ImageNet over blue, green, red in this order', () => {
  const target = new Float32Array(6);
  writePlanes(image, imageNet, target, { item: 0, height: 1, width: 2 });
  expect(target[0]).toBeCloseTo(-0.485 / 0.229, 4);
  expect(target[4]).toBeCloseTo((1 - 0.406) / 0.225, 4);
});
