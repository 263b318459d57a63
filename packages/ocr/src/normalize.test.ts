import fc from 'fast-check';
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

it('gives every pixel the value that the formula has for it, wherever it is placed', () => {
  const sizes = fc.record({
    width: fc.integer({ min: 1, max: 9 }),
    height: fc.integer({ min: 1, max: 5 }),
    right: fc.integer({ min: 0, max: 4 }),
    below: fc.integer({ min: 0, max: 4 }),
    item: fc.integer({ min: 0, max: 2 }),
  });
  const mean = [0.485, 0.456, 0.406];
  const std = [0.229, 0.224, 0.225];
  fc.assert(
    fc.property(sizes, fc.infiniteStream(fc.nat(255)), ({ width, height, right, below, item }, levels) => {
      const data = Uint8Array.from({ length: width * height * 3 }, () => levels.next().value as number);
      const placement = { item, height: height + below, width: width + right };
      const plane = placement.height * placement.width;
      const target = new Float32Array(plane * 9).fill(7);
      writePlanes({ data, width, height }, imageNet, target, placement);
      for (const [i, value] of target.entries()) {
        const channel = Math.floor(i / plane) - 3 * item;
        const [y, x] = [Math.floor((i % plane) / placement.width), i % placement.width];
        const isCovered = channel >= 0 && channel < 3 && x < width && y < height;
        const level = data[(y * width + x) * 3 + 2 - channel]!;
        expect(value).toBe(
          isCovered ? Math.fround(level * (1 / (255 * std[channel]!)) - mean[channel]! / std[channel]!) : 7,
        );
      }
    }),
  );
});
