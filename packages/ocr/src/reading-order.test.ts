import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inReadingOrder } from './reading-order.ts';
import type { Point, Quad } from './types.ts';

function line(x: number, y: number, width = 120, height = 20): Quad {
  return [
    [x, y],
    [x + width, y],
    [x + width, y + height],
    [x, y + height],
  ];
}

function turned(quad: Quad, angle: number): Quad {
  const turn = ([x, y]: Point): Point => [
    x * Math.cos(angle) - y * Math.sin(angle),
    x * Math.sin(angle) + y * Math.cos(angle),
  ];
  return [turn(quad[0]), turn(quad[1]), turn(quad[2]), turn(quad[3])];
}

const own = (quad: Quad): Quad => quad;

describe('inReadingOrder', () => {
  it('has nothing to do on a blank page', () => {
    expect(inReadingOrder([], own)).toEqual([]);
  });

  it('reads rows from top to bottom and each from left to right, however the page is turned', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -0.14, max: 0.14, noNaN: true }),
        fc.constantFrom(0, 1, 2, 3),
        fc.shuffledSubarray([...Array(24).keys()], { minLength: 24, maxLength: 24 }),
        fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 24, maxLength: 24 }),
        (tilt, quarter, order, jitter) => {
          const angle = tilt + (quarter * Math.PI) / 2;
          const page = jitter.map((dy, i) => turned(line((i % 3) * 300, Math.floor(i / 3) * 40 + dy), angle));
          const shuffled = order.map((i) => page[i]!);
          expect(inReadingOrder(shuffled, own).map((quad) => page.indexOf(quad))).toEqual([...page.keys()]);
        },
      ),
    );
  });

  it('keeps a small price beside the large name that it belongs to', () => {
    const [name, price, next] = [line(0, 0, 200, 40), line(300, 14, 60, 16), line(0, 50, 200, 40)];
    expect(inReadingOrder([next, price, name], own)).toEqual([name, price, next]);
  });
});
