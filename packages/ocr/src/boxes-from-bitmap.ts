import type { Point, Quad } from './types.ts';

/** A probability map: row by row, 0..1, how likely each pixel is text. */
export interface ProbabilityMap {
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
}

export interface BoxOptions {
  /** A pixel is text above this. */
  readonly binThreshold: number;
  /** A region is a line when the mean over its rectangle is above this. */
  readonly boxThreshold: number;
  /** The network predicts shrunken lines; they grow by area × this / perimeter (DB, Liao et al. 2020, section 3.3). */
  readonly unclipRatio: number;
}

/** A rectangle at an angle: center, unit vector of its first side, lengths of its sides. */
interface RotatedRectangle {
  readonly cx: number;
  readonly cy: number;
  readonly ux: number;
  readonly uy: number;
  readonly length: number;
  readonly breadth: number;
}

/** Regions narrower than this many map pixels are noise (PaddleOCR's `min_size`). */
const minSide = 3;

/**
 * Finds the text lines in a map: connected regions above the threshold, each with its smallest enclosing rectangle,
 * kept if the map is confident inside, and grown back to the size of the text.
 *
 * Boxes are in map pixels (float), corners clockwise, starting at the one nearest to the top-left. Time is linear in
 * the number of pixels: each is looked at once to find the runs of text in its row, and again where it lies inside a
 * rectangle. All else works on runs and outlines.
 */
export function boxesFromBitmap(map: ProbabilityMap, options: BoxOptions): Quad[] {
  const boxes: Quad[] = [];
  const runs = connectRuns(findRuns(map, options.binThreshold));
  const hull = new Hull(map.height);
  for (const region of regionsOf(runs)) {
    hull.enclose(runs, region);
    const rectangle = minimumAreaRectangle(hull);
    if (Math.min(rectangle.length, rectangle.breadth) < minSide) continue;
    if (meanInside(map, corners(rectangle)) < options.boxThreshold) continue;
    const { length, breadth } = rectangle;
    const margin = (length * breadth * options.unclipRatio) / (2 * (length + breadth));
    const grown = { ...rectangle, length: length + 2 * margin, breadth: breadth + 2 * margin };
    if (Math.min(grown.length, grown.breadth) < minSide + 2) continue;
    boxes.push(clockwiseFromTopLeft(corners(grown)));
  }
  return boxes;
}

/** Horizontal runs of text pixels in reading order, as parallel arrays. */
interface Runs {
  readonly y: Int32Array;
  /** First and last x. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** A run's region is the root of its `parent` chain; roots come first in their region. */
  readonly parent: Int32Array;
  readonly count: number;
}

/** An 8-connected region: its runs are `members[begin]` to `members[end - 1]`, in reading order. */
interface Region {
  readonly members: Int32Array;
  readonly begin: number;
  readonly end: number;
}

function findRuns({ data, width, height }: ProbabilityMap, threshold: number): Runs {
  let capacity = 4096;
  let y = new Int32Array(capacity);
  let from = new Int32Array(capacity);
  let to = new Int32Array(capacity);
  let count = 0;
  const grow = (array: Int32Array): Int32Array<ArrayBuffer> => {
    const larger = new Int32Array(capacity);
    larger.set(array);
    return larger;
  };
  for (let row = 0, i = 0; row < height; row++) {
    const start = i;
    const end = i + width;
    while (i < end) {
      if (data[i]! <= threshold) {
        i++;
        continue;
      }
      const first = i;
      while (i < end && data[i]! > threshold) i++;
      if (count === capacity) {
        capacity *= 2;
        y = grow(y);
        from = grow(from);
        to = grow(to);
      }
      y[count] = row;
      from[count] = first - start;
      to[count] = i - 1 - start;
      count++;
    }
  }
  const parent = new Int32Array(count);
  for (let run = 0; run < count; run++) parent[run] = run;
  return { y, from, to, parent, count };
}

/** Joins runs of neighboring rows that touch, diagonally too. */
function connectRuns(runs: Runs): Runs {
  const { y, from, to, parent, count } = runs;
  let above = 0;
  for (let i = 0; i < count; i++) {
    const row = y[i]!;
    // Runs are sorted by row and column: `above` never has to go back further than one row's start.
    while (above < i && (y[above]! < row - 1 || (y[above] === row - 1 && to[above]! + 1 < from[i]!))) above++;
    for (let j = above; j < i && y[j] === row - 1 && from[j]! <= to[i]! + 1; j++) {
      const a = findRoot(parent, i);
      const b = findRoot(parent, j);
      if (a < b) parent[b] = a;
      else parent[a] = b;
    }
  }
  return runs;
}

function findRoot(parent: Int32Array, run: number): number {
  let root = run;
  while (parent[root] !== root) {
    parent[root] = parent[parent[root]!]!;
    root = parent[root]!;
  }
  return root;
}

/** Regions that are no specks, in the order of their first pixels. Counting sorts the runs by region and keeps their order. */
function* regionsOf({ y, from, to, parent, count }: Runs): Generator<Region, void, undefined> {
  const regionOf = new Int32Array(count);
  // Of each region, by its number: where its members begin, and its extent. There are no more regions than runs.
  const begins = new Int32Array(count + 1);
  const left = new Int32Array(count);
  const right = new Int32Array(count);
  let regions = 0;
  for (let run = 0; run < count; run++) {
    const root = findRoot(parent, run);
    const region = root === run ? regions++ : regionOf[root]!;
    regionOf[run] = region;
    if (root === run || from[run]! < left[region]!) left[region] = from[run]!;
    if (root === run || to[run]! > right[region]!) right[region] = to[run]!;
    begins[region + 1]!++;
  }
  for (let region = 0; region < regions; region++) begins[region + 1]! += begins[region]!;
  const members = new Int32Array(count);
  const next = begins.slice(0, regions);
  for (let run = 0; run < count; run++) members[next[regionOf[run]!]!++] = run;
  for (let region = 0; region < regions; region++) {
    const begin = begins[region]!;
    const end = begins[region + 1]!;
    const height = y[members[end - 1]!]! - y[members[begin]!]!;
    if (!isSpeck(right[region]! - left[region]!, height)) yield { members, begin, end };
  }
}

/**
 * Whether the smallest enclosing rectangle has a side shorter than `minSide` for certain. Where the upright one has a
 * side of two pixels or less, no other rectangle of no more area has both sides of three or more: its diagonal would be
 * shorter than the upright one's longer side.
 */
function isSpeck(width: number, height: number): boolean {
  return Math.min(width, height) < minSide;
}

/** The convex hull of one region at a time, in memory that serves the next one too. */
class Hull {
  /** Vertices are clockwise (y grows downwards). */
  readonly x: Int32Array;
  readonly y: Int32Array;
  size = 0;

  /** For regions of at most so many rows. */
  constructor(rows: number) {
    this.x = new Int32Array(2 * rows + 2);
    this.y = new Int32Array(2 * rows + 2);
  }

  /**
   * Andrew's monotone chain, along y instead of x: the outermost pixels of each row come in order, so that nothing has to
   * be sorted. Up the left side, then down the right one.
   */
  enclose({ y, from, to }: Runs, { members, begin, end }: Region): void {
    this.size = 0;
    for (let m = end - 1; m >= begin; m--) {
      const run = members[m]!;
      const isFirstOfRow = m === begin || y[members[m - 1]!] !== y[run];
      if (isFirstOfRow) this.#add(from[run]!, y[run]!, 0);
    }
    const top = this.size - 1;
    for (let m = begin; m < end; m++) {
      const run = members[m]!;
      const isLastOfRow = m === end - 1 || y[members[m + 1]!] !== y[run];
      if (isLastOfRow) this.#add(to[run]!, y[run]!, top);
    }
    // A last row of one pixel ends where the hull began.
    const last = this.size - 1;
    if (last > 0 && this.x[last] === this.x[0] && this.y[last] === this.y[0]) this.size--;
  }

  /** The upper one of the leftmost vertices. */
  get leftmost(): number {
    const { x, y, size } = this;
    let best = 0;
    for (let i = 1; i < size; i++) if (x[i]! < x[best]! || (x[i] === x[best] && y[i]! < y[best]!)) best = i;
    return best;
  }

  /** Adds a vertex, and takes those behind `base` away at which the hull would not turn right any more. */
  #add(px: number, py: number, base: number): void {
    const { x, y } = this;
    let last = this.size - 1;
    // A first row of one pixel ends the left side and begins the right one.
    if (last >= 0 && x[last] === px && y[last] === py) return;
    while (last > base) {
      const [ax, ay] = [x[last - 1]!, y[last - 1]!];
      if ((x[last]! - ax) * (py - ay) - (y[last]! - ay) * (px - ax) > 0) break;
      last--;
    }
    x[last + 1] = px;
    y[last + 1] = py;
    this.size = last + 2;
  }
}

/**
 * The enclosing rectangle of least area has a side along an edge of the hull (Freeman and Shapira 1975). All vertices are
 * looked at for each edge; a hull on a grid of n pixels has O(n^(1/3)) of them (Andrews 1963).
 */
function minimumAreaRectangle(hull: Hull): RotatedRectangle {
  const { x, y, size } = hull;
  const first = hull.leftmost;
  let best: RotatedRectangle = { cx: x[first]!, cy: y[first]!, ux: 1, uy: 0, length: 0, breadth: 0 };
  let leastArea = Infinity;
  for (let i = 0; i < size; i++) {
    const a = (first + i) % size;
    const b = (a + 1) % size;
    const [dx, dy] = [x[b]! - x[a]!, y[b]! - y[a]!];
    const edge = Math.hypot(dx, dy);
    if (edge === 0) continue;
    const candidate = rectangleAlong(hull, dx / edge, dy / edge);
    const area = candidate.length * candidate.breadth;
    if (area < leastArea) [best, leastArea] = [candidate, area];
  }
  return best;
}

function rectangleAlong({ x, y, size }: Hull, ux: number, uy: number): RotatedRectangle {
  let [uMin, uMax, vMin, vMax] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < size; i++) {
    const u = x[i]! * ux + y[i]! * uy;
    const v = y[i]! * ux - x[i]! * uy;
    if (u < uMin) uMin = u;
    if (u > uMax) uMax = u;
    if (v < vMin) vMin = v;
    if (v > vMax) vMax = v;
  }
  const u = (uMin + uMax) / 2;
  const v = (vMin + vMax) / 2;
  return { cx: u * ux - v * uy, cy: u * uy + v * ux, ux, uy, length: uMax - uMin, breadth: vMax - vMin };
}

function corners({ cx, cy, ux, uy, length, breadth }: RotatedRectangle): Quad {
  const [ax, ay] = [(ux * length) / 2, (uy * length) / 2];
  const [bx, by] = [(-uy * breadth) / 2, (ux * breadth) / 2];
  return [
    [cx - ax - bx, cy - ay - by],
    [cx + ax - bx, cy + ay - by],
    [cx + ax + bx, cy + ay + by],
    [cx - ax + bx, cy - ay + by],
  ];
}

/**
 * Orders the corners of a rectangle clockwise. The first is the upper one of its two leftmost corners, as in
 * PaddleOCR's `get_mini_boxes`: right for lines that are tilted by less than 45°.
 */
function clockwiseFromTopLeft(quad: Quad): Quad {
  const byX = quad.toSorted((a, b) => a[0] - b[0]) as [Point, Point, Point, Point];
  const [topLeft, bottomLeft] = byX[0][1] <= byX[1][1] ? [byX[0], byX[1]] : [byX[1], byX[0]];
  const [topRight, bottomRight] = byX[2][1] <= byX[3][1] ? [byX[2], byX[3]] : [byX[3], byX[2]];
  return [topLeft, topRight, bottomRight, bottomLeft];
}

/** Mean of the map over the pixels whose centers lie in a convex quadrilateral. */
function meanInside({ data, width, height }: ProbabilityMap, quad: Quad): number {
  const [a, b, c, d] = quad;
  const top = Math.max(0, Math.ceil(Math.min(a[1], b[1], c[1], d[1]) - tolerance));
  const bottom = Math.min(height - 1, Math.floor(Math.max(a[1], b[1], c[1], d[1]) + tolerance));
  const span = { left: 0, right: 0 };
  let sum = 0;
  let count = 0;
  for (let y = top; y <= bottom; y++) {
    span.left = Infinity;
    span.right = -Infinity;
    widen(span, a, b, y);
    widen(span, b, c, y);
    widen(span, c, d, y);
    widen(span, d, a, y);
    const from = y * width + Math.max(0, Math.ceil(span.left - tolerance));
    const to = y * width + Math.min(width - 1, Math.floor(span.right + tolerance));
    for (let i = from; i <= to; i++) sum += data[i]!;
    if (to >= from) count += to - from + 1;
  }
  return count === 0 ? 0 : sum / count;
}

/** Corners are computed, and a pixel on the edge is inside; in pixels. */
const tolerance = 1e-6;

/** Makes the span hold the points that an edge has at height `y`. */
function widen(span: { left: number; right: number }, [x0, y0]: Point, [x1, y1]: Point, y: number): void {
  const low = Math.min(y0, y1);
  const high = Math.max(y0, y1);
  if (y < low - tolerance || y > high + tolerance) return;
  const isLevel = high - low < tolerance;
  const x = x0 + ((y - y0) / (y1 - y0)) * (x1 - x0);
  span.left = Math.min(span.left, isLevel ? Math.min(x0, x1) : x);
  span.right = Math.max(span.right, isLevel ? Math.max(x0, x1) : x);
}
