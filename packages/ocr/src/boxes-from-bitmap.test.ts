import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxesFromBitmap, type BoxOptions, type ProbabilityMap } from './boxes-from-bitmap.ts';
import type { Point } from './types.ts';

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

  it('finds the same boxes as a plain search does', () => {
    fc.assert(
      fc.property(blots(), fc.double({ min: 0, max: 0.7, noNaN: true }), (map, boxThreshold) => {
        const found = boxesFromBitmap(map, { ...options, boxThreshold });
        const expected = plainBoxes(map, { ...options, boxThreshold });
        expect(found.map(sorted)).toEqual(expected.map((box) => sorted(box).map((value) => expect.closeTo(value, 6))));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [0, 0],
    [1, 1],
    [1, 40],
    [40, 1],
    [2, 40],
  ])('finds no line on a map of %i × %i that is all text', (width, height) => {
    const map = emptyMap(width, height);
    map.data.fill(0.9);
    expect(boxesFromBitmap(map, options)).toEqual([]);
  });

  it('takes a map that is all text for one region', () => {
    const map = emptyMap(70, 50);
    map.data.fill(0.9);
    const [box, ...others] = boxesFromBitmap(map, options);
    expect(others).toEqual([]);
    const margin = (69 * 49 * 1.4) / (2 * (69 + 49));
    expect(box![0]).toEqual([expect.closeTo(-margin), expect.closeTo(-margin)]);
    expect(box![2]).toEqual([expect.closeTo(69 + margin), expect.closeTo(49 + margin)]);
  });

  it('finds the lines of a map with more runs of text than it has room for at first', () => {
    const map = emptyMap(400, 240);
    for (let i = 0; i < map.data.length; i += 2) map.data[i] = 0.9;
    fill(map, { cx: 200, cy: 120, length: 101, breadth: 21 });
    // Every other column is a line of one pixel's breadth; those that the bar crosses belong to it.
    expect(boxesFromBitmap(map, { ...options, boxThreshold: 0 })).toHaveLength(1);
  });
});

/** Maps with rectangles at all angles, some of which touch, and with noise between the thresholds. */
function blots(): fc.Arbitrary<ProbabilityMap> {
  const rectangle = fc.record({
    cx: fc.integer({ min: -5, max: 65 }),
    cy: fc.integer({ min: -5, max: 45 }),
    length: fc.integer({ min: 0, max: 40 }),
    breadth: fc.integer({ min: 0, max: 15 }),
    angle: fc.oneof(fc.constant(0), fc.double({ min: -2, max: 2, noNaN: true })),
  });
  const specks = fc.array(fc.tuple(fc.integer({ min: 0, max: 2399 }), fc.float({ min: 0, max: 1, noNaN: true })));
  const rectangles = fc.array(fc.tuple(rectangle, fc.float({ min: 0, max: 1, noNaN: true })), { maxLength: 6 });
  return fc.tuple(rectangles, specks).map(([areas, points]) => {
    const map = emptyMap(60, 40);
    for (const [area, value] of areas) fill(map, area, value);
    for (const [at, value] of points) map.data[at] = value;
    return map;
  });
}

/** Corners without their order: where two rectangles are equally small, rounding decides at which side they begin. */
function sorted(box: readonly Point[]): number[] {
  return box.toSorted((a, b) => Math.round((a[0] - b[0]) * 1e6) || a[1] - b[1]).flat();
}

/** The method without any haste: flood, all turns of a rectangle along two pixels of the hull, all pixels of the map. */
function plainBoxes(map: ProbabilityMap, { binThreshold, boxThreshold, unclipRatio }: BoxOptions): Point[][] {
  return flood(map, binThreshold).flatMap((pixels) => {
    const hull = plainHull(pixels);
    let best = { area: Infinity, ux: 1, uy: 0, u: [0, 0] as Point, v: [0, 0] as Point };
    for (const [i, [x0, y0]] of hull.entries()) {
      const [x1, y1] = hull[(i + 1) % hull.length]!;
      const edge = Math.hypot(x1 - x0, y1 - y0);
      if (edge === 0) continue;
      const [ux, uy] = [(x1 - x0) / edge, (y1 - y0) / edge];
      const us = hull.map(([x, y]) => x * ux + y * uy);
      const vs = hull.map(([x, y]) => y * ux - x * uy);
      const [u, v]: [Point, Point] = [
        [Math.min(...us), Math.max(...us)],
        [Math.min(...vs), Math.max(...vs)],
      ];
      const area = (u[1] - u[0]) * (v[1] - v[0]);
      if (area < best.area) best = { area, ux, uy, u, v };
    }
    const { ux, uy, u, v } = best;
    const [length, breadth] = [u[1] - u[0], v[1] - v[0]];
    if (Math.min(length, breadth) < 3) return [];
    let sum = 0;
    let count = 0;
    for (let i = 0; i < map.data.length; i++) {
      const [x, y] = [i % map.width, Math.floor(i / map.width)];
      const [pu, pv] = [x * ux + y * uy, y * ux - x * uy];
      if (pu < u[0] - 1e-6 || pu > u[1] + 1e-6 || pv < v[0] - 1e-6 || pv > v[1] + 1e-6) continue;
      sum += map.data[i]!;
      count++;
    }
    if (count === 0 || sum / count < boxThreshold) return [];
    const margin = (length * breadth * unclipRatio) / (2 * (length + breadth));
    const corner = (pu: number, pv: number): Point => [pu * ux - pv * uy, pu * uy + pv * ux];
    return [
      [
        corner(u[0] - margin, v[0] - margin),
        corner(u[1] + margin, v[0] - margin),
        corner(u[1] + margin, v[1] + margin),
        corner(u[0] - margin, v[1] + margin),
      ],
    ];
  });
}

/** The pixels of each 8-connected region, in the order of their first ones. */
function flood({ data, width, height }: ProbabilityMap, threshold: number): Point[][] {
  const isOpen = Array.from(data, (value) => value > threshold);
  const regions: Point[][] = [];
  for (let i = 0; i < isOpen.length; i++) {
    if (!isOpen[i]!) continue;
    isOpen[i] = false;
    const pixels: Point[] = [[i % width, Math.floor(i / width)]];
    for (const [x, y] of pixels) {
      for (const [nx, ny] of [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy): Point => [x + dx, y + dy]))) {
        if (nx < 0 || ny < 0 || nx >= width || ny >= height || !isOpen[ny * width + nx]!) continue;
        isOpen[ny * width + nx] = false;
        pixels.push([nx, ny]);
      }
    }
    regions.push(pixels);
  }
  return regions;
}

/** Gift wrapping, clockwise from the upper one of the leftmost pixels. */
function plainHull(pixels: readonly Point[]): Point[] {
  const start = pixels.reduce((a, b) => (b[0] < a[0] || (b[0] === a[0] && b[1] < a[1]) ? b : a));
  const hull: Point[] = [];
  let at = start;
  do {
    hull.push(at);
    let next = start;
    for (const pixel of pixels) {
      const turn = (next[0] - at[0]) * (pixel[1] - at[1]) - (next[1] - at[1]) * (pixel[0] - at[0]);
      const isFurther = Math.hypot(pixel[0] - at[0], pixel[1] - at[1]) > Math.hypot(next[0] - at[0], next[1] - at[1]);
      if (next === at || turn < 0 || (turn === 0 && isFurther)) next = pixel;
    }
    at = next;
  } while (at[0] !== start[0] || at[1] !== start[1]);
  return hull;
}

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
