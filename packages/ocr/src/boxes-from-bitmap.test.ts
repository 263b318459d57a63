import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxesFromBitmap, type ProbabilityMap } from './boxes-from-bitmap.ts';

const options = { binThreshold: 0.2, boxThreshold: 0.45, unclipRatio: 1.4 };

function emptyMap(width: number, height: number): ProbabilityMap & { data: Float32Array } {
  return { data: new Float32Array(width * height), width, height };
}

/** Fills a rectangle that is turned by `angle` around its center. */
function fill(
  map: ProbabilityMap,
  rectangle: { cx: number; cy: number; length: number; breadth: number; angle?: number },
  value = 0.9,
): void {
  const { cx, cy, length, breadth, angle = 0 } = rectangle;
  for (let y = 0; y < map.height; y++) {
    for (let x = 0; x < map.width; x++) {
      const u = (x - cx) * Math.cos(angle) + (y - cy) * Math.sin(angle);
      const v = (y - cy) * Math.cos(angle) - (x - cx) * Math.sin(angle);
      if (Math.abs(u) <= length / 2 && Math.abs(v) <= breadth / 2) map.data[y * map.width + x] = value;
    }
  }
}

function side([ax, ay]: readonly [number, number], [bx, by]: readonly [number, number]): number {
  return Math.hypot(ax - bx, ay - by);
}

describe('boxesFromBitmap', () => {
  it('finds nothing on a blank map', () => {
    expect(boxesFromBitmap(emptyMap(64, 32), options)).toEqual([]);
  });

  it('grows an upright line by area × ratio / perimeter on every side', () => {
    const map = emptyMap(200, 100);
    fill(map, { cx: 100, cy: 50, length: 100, breadth: 20 });
    const margin = (100 * 20 * 1.4) / (2 * (100 + 20));
    expect(boxesFromBitmap(map, options)).toEqual([
      [
        [expect.closeTo(50 - margin), expect.closeTo(40 - margin)],
        [expect.closeTo(150 + margin), expect.closeTo(40 - margin)],
        [expect.closeTo(150 + margin), expect.closeTo(60 + margin)],
        [expect.closeTo(50 - margin), expect.closeTo(60 + margin)],
      ],
    ]);
  });

  it('finds a turned line with its angle, length and breadth', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -0.7, max: 0.7, noNaN: true }),
        fc.integer({ min: 60, max: 120 }),
        (angle, length) => {
          const map = emptyMap(200, 200);
          fill(map, { cx: 100, cy: 100, length, breadth: 16, angle });
          const boxes = boxesFromBitmap(map, options);
          expect(boxes).toHaveLength(1);
          const [a, b, c, d] = boxes[0]!;
          const margin = (length * 16 * 1.4) / (2 * (length + 16));
          expect(Math.abs(side(a, b) - length - 2 * margin)).toBeLessThan(4);
          expect(Math.abs(side(b, c) - 16 - 2 * margin)).toBeLessThan(4);
          expect(Math.abs(Math.atan2(b[1] - a[1], b[0] - a[0]) - angle)).toBeLessThan(0.05);
          expect(side(a, d)).toBeLessThan(side(a, b));
        },
      ),
    );
  });

  it.each([
    ['a region that is not sure enough', 0.3, 20, 0],
    ['a region that is just a speck', 0.9, 2, 0],
    ['a sure region', 0.6, 20, 1],
  ])('decides on %s', (_, value, breadth, count) => {
    const map = emptyMap(100, 60);
    fill(map, { cx: 50, cy: 30, length: breadth * 2, breadth }, value);
    expect(boxesFromBitmap(map, options)).toHaveLength(count);
  });

  it('joins exactly the cells that touch, diagonally too', () => {
    const cell = 6;
    const grids = fc.array(fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(grids, (grid) => {
        const map = emptyMap(8 * cell, 6 * cell);
        for (let y = 0; y < map.height; y++) {
          for (let x = 0; x < map.width; x++) {
            if (grid[Math.floor(y / cell)]![Math.floor(x / cell)]!) map.data[y * map.width + x] = 0.9;
          }
        }
        expect(boxesFromBitmap(map, { ...options, boxThreshold: 0 })).toHaveLength(countRegions(grid));
      }),
    );
  });
});

function countRegions(grid: readonly (readonly boolean[])[]): number {
  const open = grid.map((row) => [...row]);
  const clear = (x: number, y: number): void => {
    if (open[y]?.[x] !== true) return;
    open[y][x] = false;
    for (const dy of [-1, 0, 1]) for (const dx of [-1, 0, 1]) clear(x + dx, y + dy);
  };
  let count = 0;
  for (let y = 0; y < open.length; y++) {
    for (let x = 0; x < open[y]!.length; x++) {
      if (open[y]![x]!) count++;
      clear(x, y);
    }
  }
  return count;
}
