import type { Point, Quad } from './types.ts';

/** Lines belong to one row when their centers differ by less than this share of the smaller line's height. */
const rowTolerance = 0.5;

/**
 * Puts lines into the order in which a person reads them: rows from top to bottom, within a row from left to right.
 *
 * `along` gives a line's corners, the first side along its text. Top and left are the text's own: most of the lines
 * (by length) decide which way up the page is, and their median angle how much it is tilted. A slightly turned photo,
 * or a page that was scanned upside down, reads like a straight one.
 */
export function inReadingOrder<T>(items: readonly T[], along: (item: T) => Quad): T[] {
  const angle = pageAngle(items.map(along));
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const lines = items.map((item) => {
    const quad = along(item);
    const [x, y] = center(quad);
    return { item, x: x * cos + y * sin, y: y * cos - x * sin, height: thickness(quad) };
  });
  lines.sort((a, b) => a.y - b.y || a.x - b.x);
  const rows: (typeof lines)[] = [];
  for (const line of lines) {
    const row = rows.at(-1);
    if (row?.some((other) => sharesRow(other, line)) === true) row.push(line);
    else rows.push([line]);
  }
  return rows.flatMap((row) => row.toSorted((a, b) => a.x - b.x || a.y - b.y).map((line) => line.item));
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

const quarterTurn = Math.PI / 2;

/** The direction in which most text runs, radians; 0 is to the right, and it grows clockwise. */
function pageAngle(quads: readonly Quad[]): number {
  const lines = quads.map(([a, b]) => {
    const angle = Math.atan2(b[1] - a[1], b[0] - a[0]);
    return { angle, length: Math.hypot(b[0] - a[0], b[1] - a[1]), quarter: (Math.round(angle / quarterTurn) + 4) % 4 };
  });
  const lengths = [0, 1, 2, 3].map((quarter) => sum(lines.filter((line) => line.quarter === quarter)));
  const upright = lengths.indexOf(Math.max(...lengths)) * quarterTurn;
  return upright + medianTilt(lines, upright);
}

/** Lines much longer than high say more about the tilt than square ones, so each counts by its length. */
function medianTilt(lines: readonly { angle: number; length: number }[], upright: number): number {
  const tilts = lines
    .map(({ angle, length }) => ({ tilt: Math.atan2(Math.sin(angle - upright), Math.cos(angle - upright)), length }))
    .filter(({ tilt }) => Math.abs(tilt) <= Math.PI / 4)
    .toSorted((a, b) => a.tilt - b.tilt);
  let rest = sum(tilts) / 2;
  for (const { tilt, length } of tilts) {
    rest -= length;
    if (rest <= 0) return tilt;
  }
  return 0;
}

function sum(lines: readonly { length: number }[]): number {
  return lines.reduce((total, { length }) => total + length, 0);
}
