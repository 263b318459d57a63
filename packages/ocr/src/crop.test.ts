import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alongText, cropLine, lineSize, upsideDown } from './crop.ts';
import type { Image } from './image.ts';
import type { Quad } from './types.ts';

/** Each pixel tells where it came from: red is x, green is y. */
function coordinates(width: number, height: number): Image {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set([x, y, 7], (y * width + x) * 3);
  return { data, width, height };
}

function box(left: number, top: number, right: number, bottom: number): Quad {
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}

function pixel({ data, width }: Image, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

describe('cropLine', () => {
  const page = coordinates(200, 100);

  it('cuts an upright line out where it lies', () => {
    const crop = cropLine(page, box(20, 30, 100, 50), 80, 20);
    expect(pixel(crop, 0, 0)).toEqual([21, 31, 7]);
    expect(pixel(crop, 79, 19)).toEqual([100, 50, 7]);
  });

  it('straightens a quadrilateral that is no rectangle', () => {
    const quad: Quad = [
      [20, 20],
      [120, 40],
      [120, 80],
      [20, 40],
    ];
    const crop = cropLine(page, quad, 100, 40);
    expect(pixel(crop, 0, 0)).toEqual([expect.toSatisfy(near(20)), expect.toSatisfy(near(20)), 7]);
    expect(pixel(crop, 99, 0)).toEqual([expect.toSatisfy(near(120)), expect.toSatisfy(near(40)), 7]);
    expect(pixel(crop, 99, 39)).toEqual([expect.toSatisfy(near(120)), expect.toSatisfy(near(80)), 7]);
    expect(pixel(crop, 0, 39)).toEqual([expect.toSatisfy(near(20)), expect.toSatisfy(near(40)), 7]);
  });

  it('shows a line from the other end when its quad is upside down', () => {
    const crop = cropLine(page, upsideDown(box(20, 30, 100, 50)), 80, 20);
    expect(pixel(crop, 0, 0)).toEqual([100, 50, 7]);
    expect(pixel(crop, 79, 19)).toEqual([21, 31, 7]);
  });

  it('repeats the border outside of the page', () => {
    const crop = cropLine(page, box(-50, -50, 10, 10), 60, 60);
    expect(pixel(crop, 0, 0)).toEqual([0, 0, 7]);
  });

  it('averages what it shrinks, so that no thin stroke is lost', () => {
    const stripes = coordinates(160, 80);
    for (let i = 0; i < stripes.data.length; i++) stripes.data[i] = Math.floor(i / 3) % 4 === 0 ? 0 : 200;
    const crop = cropLine(stripes, box(0, 0, 160, 80), 40, 20);
    for (let x = 2; x < 38; x++) expect(Math.abs(pixel(crop, x, 10)[0]! - 150)).toBeLessThan(26);
  });
});

describe('cropLine beside a plain sampler', () => {
  const page = noise(40, 30);
  const coordinate = fc.double({ min: -15, max: 55, noNaN: true });
  const side = fc.double({ min: 0.5, max: 60, noNaN: true });
  const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
  const size = fc.record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 16 }) });

  it.each([
    ['lie level', fc.constant(0)],
    ['stand on their head', fc.constant(Math.PI)],
    ['run up or down', fc.constantFrom(Math.PI / 2, -Math.PI / 2)],
    ['are tilted', angle],
  ])('sees the same pixels of lines that %s', (_, angles) => {
    fc.assert(
      fc.property(
        coordinate,
        coordinate,
        side,
        side,
        angles,
        size,
        (x, y, length, thickness, turn, { width, height }) => {
          const quad = rectangle(x, y, length, thickness, turn);
          expectSame(cropLine(page, quad, width, height), plainCrop(page, quad, width, height));
        },
      ),
    );
  });

  it('sees the same pixels of level lines whose corners are pixels', () => {
    const whole = fc.integer({ min: -3, max: 42 });
    const extent = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(whole, whole, extent, extent, size, (left, top, length, thickness, { width, height }) => {
        const quad = box(left, top, left + length, top + thickness);
        expectSame(cropLine(page, quad, width, height), plainCrop(page, quad, width, height));
      }),
    );
  });

  it('sees the same pixels of quadrilaterals that are no rectangles', () => {
    const nudge = fc.double({ min: 0, max: 4, noNaN: true });
    fc.assert(
      fc.property(nudge, nudge, nudge, nudge, size, (a, b, c, d, { width, height }) => {
        const quad: Quad = [
          [2 + a, 3 + b],
          [30 + c, 4 + d],
          [31 - b, 20 + a],
          [3 - d, 22 - c],
        ];
        expectSame(cropLine(page, quad, width, height), plainCrop(page, quad, width, height));
      }),
    );
  });

  it.each([
    [1, 1],
    [1, 30],
    [40, 1],
  ])('sees the same pixels of a page of %i × %i', (width, height) => {
    const small = noise(width, height);
    const quad = box(-3, -2, width + 3, height + 2);
    expectSame(cropLine(small, quad, 20, 12), plainCrop(small, quad, 20, 12));
  });
});

/** At most one level between them: the order of additions differs. */
function expectSame(found: Image, expected: Image): void {
  expect([found.width, found.height, found.data.length]).toEqual([
    expected.width,
    expected.height,
    expected.data.length,
  ]);
  const worst = found.data.reduce((most, value, i) => Math.max(most, Math.abs(value - expected.data[i]!)), 0);
  expect(worst).toBeLessThanOrEqual(1);
}

function noise(width: number, height: number): Image {
  let state = 7;
  const data = Uint8Array.from({ length: width * height * 3 }, () => (state = (state * 48_271) % 2_147_483_647) & 255);
  return { data, width, height };
}

function rectangle(x: number, y: number, length: number, thickness: number, angle: number): Quad {
  const [ux, uy] = [Math.cos(angle), Math.sin(angle)];
  const at = (u: number, v: number): [number, number] => [x + u * ux - v * uy, y + u * uy + v * ux];
  return [at(0, 0), at(length, 0), at(length, thickness), at(0, thickness)];
}

/** Each sample by itself: where it lies between the corners of the quad, and the mean of its four pixels by nearness. */
function plainCrop(page: Image, quad: Quad, width: number, height: number): Image {
  const { length, thickness } = lineSize(quad);
  const samples = (shrink: number): number => Math.min(8, Math.max(1, Math.round(shrink)));
  const [across, down] = [samples(length / width), samples(thickness / height)];
  const colors: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let sy = 0; sy < down; sy++) {
          for (let sx = 0; sx < across; sx++) {
            const u = (x + (sx + 0.5) / across) / width;
            const v = (y + (sy + 0.5) / down) / height;
            sum += plainSample(page, projected(quad, u, v), channel);
          }
        }
        colors.push(Math.floor(sum / (across * down) + 0.5));
      }
    }
  }
  return { data: Uint8Array.from(colors), width, height };
}

/** The point of the quad that the unit square has at (u, v): weights of the corners that make it projective. */
function projected([a, b, c, d]: Quad, u: number, v: number): [number, number] {
  // The diagonals meet at the shares s and t of their lengths; each corner counts by the rest of its diagonal.
  const [px, py, qx, qy] = [c[0] - a[0], c[1] - a[1], d[0] - b[0], d[1] - b[1]];
  const cross = px * qy - py * qx;
  const s = ((b[0] - a[0]) * qy - (b[1] - a[1]) * qx) / cross;
  const t = ((b[0] - a[0]) * py - (b[1] - a[1]) * px) / cross;
  const weights = [(1 - s) * (1 - u) * (1 - v), (1 - t) * u * (1 - v), s * u * v, t * (1 - u) * v];
  const total = weights[0]! + weights[1]! + weights[2]! + weights[3]!;
  const mean = (axis: 0 | 1): number =>
    (weights[0]! * a[axis] + weights[1]! * b[axis] + weights[2]! * c[axis] + weights[3]! * d[axis]) / total;
  return [mean(0), mean(1)];
}

function plainSample({ data, width, height }: Image, [x, y]: readonly [number, number], channel: number): number {
  let sum = 0;
  const [left, top] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
  for (const row of [Math.floor(top), Math.floor(top) + 1]) {
    for (const column of [Math.floor(left), Math.floor(left) + 1]) {
      const share = (1 - Math.abs(left - column)) * (1 - Math.abs(top - row));
      if (share > 0) sum += share * data[(row * width + column) * 3 + channel]!;
    }
  }
  return sum;
}

describe('alongText', () => {
  it('leaves lines that run across the page', () => {
    expect(alongText(box(0, 0, 100, 20))).toEqual(box(0, 0, 100, 20));
  });

  it('lets a tall line run from its top-right corner downwards', () => {
    const turned = alongText(box(10, 0, 30, 100));
    expect(turned[0]).toEqual([30, 0]);
    expect(turned[1]).toEqual([30, 100]);
    expect(lineSize(turned)).toEqual({ length: 100, thickness: 20 });
  });

  it('leaves single letters, which are little taller than wide', () => {
    expect(alongText(box(0, 0, 20, 28))).toEqual(box(0, 0, 20, 28));
  });
});

function near(expected: number): (value: unknown) => boolean {
  return (value) => Math.abs(Number(value) - expected) <= 2;
}
