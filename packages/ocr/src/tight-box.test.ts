import { describe, expect, it } from 'vitest';
import { tightBox } from './tight-box.ts';
import type { Quad } from './types.ts';

/** A rectangle around `(500, 300)`, turned clockwise by `angle` radians. */
function rectangle(length: number, breadth: number, angle: number): Quad {
  const corner = (x: number, y: number): readonly [number, number] => [
    500 + x * Math.cos(angle) - y * Math.sin(angle),
    300 + x * Math.sin(angle) + y * Math.cos(angle),
  ];
  const [x, y] = [length / 2, breadth / 2];
  return [corner(-x, -y), corner(x, -y), corner(x, y), corner(-x, y)];
}

describe('tightBox', () => {
  it.each([
    ['level', 0],
    ['tilted', 0.3],
    ['upright', Math.PI / 2],
  ])('takes the same margin off each side of a %s line', (_, angle) => {
    const box = tightBox(rectangle(400, 100, angle));
    for (const [i, corner] of rectangle(386, 86, angle).entries()) {
      expect(box[i]![0]).toBeCloseTo(corner[0], 6);
      expect(box[i]![1]).toBeCloseTo(corner[1], 6);
    }
  });

  it('takes it off a box that is higher than wide by its width', () => {
    const [topLeft, , bottomRight] = tightBox(rectangle(100, 400, 0));
    expect(bottomRight[0] - topLeft[0]).toBeCloseTo(86);
    expect(bottomRight[1] - topLeft[1]).toBeCloseTo(386);
  });

  it('leaves a point where it is', () => {
    const point = [7, 9] as const;
    expect(tightBox([point, point, point, point])).toEqual([point, point, point, point]);
  });
});
