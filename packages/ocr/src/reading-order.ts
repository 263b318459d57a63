import { distance } from './distance.ts';
import type { Point, Quad } from './types.ts';

/** Lines belong to one row when their centers differ by less than this share of the smaller line's height. */
const rowTolerance = 0.5;

/** Boxes of neighbors in a row may touch, since they are grown; more than this share of overlap is not beside. */
const maxOverlap = 0.3;

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
  const lines = items.map((item): PlacedLine<T> => {
    const quad = along(item);
    const [x, y] = center(quad);
    return { item, x: x * cos + y * sin, y: y * cos - x * sin, height: thickness(quad), length: length(quad) };
  });
  lines.sort((a, b) => a.y - b.y || a.x - b.x);
  const rows: PlacedLine<T>[][] = [];
  for (const line of lines) {
    const row = rows.at(-1);
    if (row !== undefined && belongs(line, row)) row.push(line);
    else rows.push([line]);
  }
  return rows.flatMap((row) => row.toSorted((a, b) => a.x - b.x || a.y - b.y).map((one) => one.item));
}

/** A line in the coordinates of the text: x to the right, y downwards. */
interface PlacedLine<T> {
  readonly item: T;
  readonly x: number;
  readonly y: number;
  readonly height: number;
  readonly length: number;
}

/**
 * Whether a line stands beside the others of a row. It is held against the row's mean and not against its last line:
 * columns that stand a little lower one by one would else pull each other's next lines in. What overlaps a member of
 * the row stands above or below it, never beside.
 */
function belongs<T>(line: PlacedLine<T>, row: readonly PlacedLine<T>[]): boolean {
  const y = mean(row.map((one) => one.y));
  const height = Math.min(line.height, mean(row.map((one) => one.height)));
  return Math.abs(line.y - y) < rowTolerance * height && !row.some((one) => overlap(line, one) > maxOverlap);
}

/** Share of the shorter line that lies above or below the other. */
function overlap(a: PlacedLine<unknown>, b: PlacedLine<unknown>): number {
  const shared = Math.min(a.x + a.length / 2, b.x + b.length / 2) - Math.max(a.x - a.length / 2, b.x - b.length / 2);
  return shared / Math.max(1, Math.min(a.length, b.length));
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function center([a, b, c, d]: Quad): Point {
  return [(a[0] + b[0] + c[0] + d[0]) / 4, (a[1] + b[1] + c[1] + d[1]) / 4];
}

function thickness([a, b, c, d]: Quad): number {
  return Math.min(distance(a, d), distance(b, c));
}

function length([a, b]: Quad): number {
  return distance(a, b);
}

const quarterTurn = Math.PI / 2;

/** The direction in which most text runs, radians; 0 is to the right, and it grows clockwise. */
function pageAngle(quads: readonly Quad[]): number {
  const lines = quads.map((quad) => {
    const [a, b] = quad;
    const angle = Math.atan2(b[1] - a[1], b[0] - a[0]);
    return { angle, length: length(quad), quarter: (Math.round(angle / quarterTurn) + 4) % 4 };
  });
  const lengths = [0, 1, 2, 3].map((quarter) => sum(lines.filter((line) => line.quarter === quarter)));
  const upright = lengths.indexOf(Math.max(...lengths)) * quarterTurn;
  return upright + medianTilt(lines, upright);
}

/** Lines much longer than high say more about the tilt than square ones, so each counts by its length. */
function medianTilt(lines: readonly { angle: number; length: number }[], upright: number): number {
  const tilts = lines
    .map((line) => ({ tilt: tiltOf(line.angle - upright), length: line.length }))
    .filter(({ tilt }) => Math.abs(tilt) <= Math.PI / 4)
    .toSorted((a, b) => a.tilt - b.tilt);
  let rest = sum(tilts) / 2;
  for (const line of tilts) {
    rest -= line.length;
    if (rest <= 0) return line.tilt;
  }
  return 0;
}

/** The same angle between -180° and 180°. */
function tiltOf(angle: number): number {
  return Math.atan2(Math.sin(angle), Math.cos(angle));
}

function sum(lines: readonly { length: number }[]): number {
  return lines.reduce((total, line) => total + line.length, 0);
}
