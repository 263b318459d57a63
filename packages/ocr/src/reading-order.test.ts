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

  it.each([
    [3, 38, 12.7],
    [3, 34, 11],
    [4, 32, 8],
    [2, 32, 16],
  ])('keeps the lines of %i columns in order that stand %f apart and %f lower one by one', (columns, pitch, lower) => {
    const page = Array.from({ length: columns * 12 }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      return { row, column, quad: line(column * 500, column * lower + row * pitch, 100 + ((i * 77) % 350), 30) };
    });
    const order = inReadingOrder(page, ({ quad }) => quad);
    for (let column = 0; column < columns; column++) {
      const rows = order.filter((one) => one.column === column).map(({ row }) => row);
      expect(rows).toEqual([...rows.keys()]);
    }
    // No line comes before one that stands a whole line higher.
    for (const [i, { quad }] of order.entries()) {
      for (const later of order.slice(i + 1)) expect(quad[0][1] - later.quad[0][1]).toBeLessThan(pitch);
    }
  });
});
