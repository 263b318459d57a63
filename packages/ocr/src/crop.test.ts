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
