import type { Point, Quad } from './types.ts';

/** Lines belong to one row when their centers differ by less than this share of the smaller line's height. */
const rowTolerance = 0.5;

/**
 * The order in which a person reads lines: rows from top to bottom, within a row from left to right.
 *
 * Rows are found along the page's own tilt (the median angle of its lines, weighted by length), so that a slightly
 * turned photo reads like a straight one.
 */
export function inReadingOrder(quads: readonly Quad[]): Quad[] {
  const tilt = medianAngle(quads);
  const [cos, sin] = [Math.cos(tilt), Math.sin(tilt)];
  const lines = quads.map((quad) => {
    const [x, y] = center(quad);
    return { quad, x: x * cos + y * sin, y: y * cos - x * sin, height: thickness(quad) };
  });
  lines.sort((a, b) => a.y - b.y || a.x - b.x);
  const rows: (typeof lines)[] = [];
  for (const line of lines) {
    const row = rows.at(-1);
    if (row !== undefined && row.some((other) => sharesRow(other, line))) row.push(line);
    else rows.push([line]);
  }
  return rows.flatMap((row) => row.toSorted((a, b) => a.x - b.x || a.y - b.y).map((line) => line.quad));
}

function sharesRow(a: { y: number; height: number }, b: { y: number; height: number }): boolean {
  return Math.abs(a.y - b.y) < rowTolerance * Math.min(a.height, b.height);
}

function center([a, b, c, d]: Quad): Point {
  return [(a[0] + b[0] + c[0] + d[0]) / 4, (a[1] + b[1] + c[1] + d[1]) / 4];
}

function thickness([a, b, c, d]: Quad): number {
  return Math.min(Math.hypot(d[0] - a[0], d[1] - a[1]), Math.hypot(c[0] - b[0], c[1] - b[1]));
}

/** Radians, -45°..45°; lines much longer than high say more about the page than square ones. */
function medianAngle(quads: readonly Quad[]): number {
  const angles = quads.flatMap(([a, b]) => {
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
    const angle = Math.atan2(b[1] - a[1], b[0] - a[0]);
    return Math.abs(angle) > Math.PI / 4 ? [] : [{ angle, length }];
  });
  angles.sort((a, b) => a.angle - b.angle);
  let rest = angles.reduce((sum, { length }) => sum + length, 0) / 2;
  for (const { angle, length } of angles) {
    rest -= length;
    if (rest <= 0) return angle;
  }
  return 0;
}
