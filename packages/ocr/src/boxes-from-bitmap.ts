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
 * the number of pixels.
 */
export function boxesFromBitmap(map: ProbabilityMap, options: BoxOptions): Quad[] {
  const boxes: Quad[] = [];
  for (const outline of regionOutlines(map, options.binThreshold)) {
    const rectangle = minimumAreaRectangle(convexHull(outline));
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

/** Horizontal runs of text pixels, as parallel arrays; a run's region is the root of its `parent` chain. */
interface Runs {
  readonly y: Int32Array;
  /** First and last x. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly parent: Int32Array;
  readonly count: number;
}

/** For each 8-connected region, points that hold its convex hull: both ends of its first and last run in each row. */
function regionOutlines(map: ProbabilityMap, threshold: number): Point[][] {
  const runs = connectRuns(findRuns(map, threshold));
  const regions = new Map<number, number[]>();
  for (let i = 0; i < runs.count; i++) {
    const root = findRoot(runs.parent, i);
    const members = regions.get(root);
    if (members === undefined) regions.set(root, [i]);
    else members.push(i);
  }
  return [...regions.values()].map((members) => outlineOf(runs, members));
}

/** `members` are in row order, so that each row's extremes lie side by side. */
function outlineOf(runs: Runs, members: readonly number[]): Point[] {
  const points: Point[] = [];
  for (let m = 0; m < members.length;) {
    const y = runs.y[members[m]!]!;
    const left = runs.from[members[m]!]!;
    let right = left;
    for (; m < members.length && runs.y[members[m]!] === y; m++) right = runs.to[members[m]!]!;
    points.push([left, y], [right, y]);
  }
  return points;
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
    const end = i + width;
    while (i < end) {
      if (data[i]! <= threshold) {
        i++;
        continue;
      }
      const start = i;
      while (i < end && data[i]! > threshold) i++;
      if (count === capacity) {
        capacity *= 2;
        y = grow(y);
        from = grow(from);
        to = grow(to);
      }
      y[count] = row;
      from[count] = start - row * width;
      to[count] = i - 1 - row * width;
      count++;
    }
  }
  return { y, from, to, parent: Int32Array.from({ length: count }, (_, n) => n), count };
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

/** Andrew's monotone chain; counterclockwise in a coordinate system with y downwards. */
function convexHull(points: readonly Point[]): Point[] {
  const sorted = points.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (ordered: readonly Point[]): Point[] => {
    const chain: Point[] = [];
    for (const point of ordered) {
      while (chain.length >= 2 && turn(chain.at(-2)!, chain.at(-1)!, point) <= 0) chain.pop();
      chain.push(point);
    }
    chain.pop();
    return chain;
  };
  return sorted.length < 3 ? sorted : [...half(sorted), ...half(sorted.toReversed())];
}

function turn(a: Point, b: Point, c: Point): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/** The enclosing rectangle of least area has a side along an edge of the hull (Freeman and Shapira 1975). */
function minimumAreaRectangle(hull: readonly Point[]): RotatedRectangle {
  let best: RotatedRectangle | undefined;
  for (let i = 0; i < hull.length; i++) {
    const [x0, y0] = hull[i]!;
    const [x1, y1] = hull[(i + 1) % hull.length]!;
    const edge = Math.hypot(x1 - x0, y1 - y0);
    if (edge === 0) continue;
    const candidate = rectangleAlong(hull, (x1 - x0) / edge, (y1 - y0) / edge);
    if (best === undefined || candidate.length * candidate.breadth < best.length * best.breadth) best = candidate;
  }
  const [x, y] = hull[0]!;
  return best ?? { cx: x, cy: y, ux: 1, uy: 0, length: 0, breadth: 0 };
}

function rectangleAlong(hull: readonly Point[], ux: number, uy: number): RotatedRectangle {
  let [uMin, uMax, vMin, vMax] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of hull) {
    const u = x * ux + y * uy;
    const v = y * ux - x * uy;
    uMin = Math.min(uMin, u);
    uMax = Math.max(uMax, u);
    vMin = Math.min(vMin, v);
    vMax = Math.max(vMax, v);
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
  const ys = quad.map((point) => point[1]);
  const top = Math.max(0, Math.ceil(Math.min(...ys) - 1e-6));
  const bottom = Math.min(height - 1, Math.floor(Math.max(...ys) + 1e-6));
  let sum = 0;
  let count = 0;
  for (let y = top; y <= bottom; y++) {
    const [left, right] = spanAt(quad, y);
    const to = Math.min(width - 1, Math.floor(right + 1e-6));
    for (let x = Math.max(0, Math.ceil(left - 1e-6)); x <= to; x++) {
      sum += data[y * width + x]!;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}

/** Where the horizontal line at `y` enters and leaves a convex quadrilateral. */
function spanAt(quad: Quad, y: number): [left: number, right: number] {
  let left = Infinity;
  let right = -Infinity;
  for (let i = 0; i < 4; i++) {
    const [x0, y0] = quad[i]!;
    const [x1, y1] = quad[(i + 1) % 4]!;
    const [low, high] = y0 < y1 ? [y0, y1] : [y1, y0];
    if (y < low - 1e-6 || y > high + 1e-6) continue;
    const xs = high - low < 1e-6 ? [x0, x1] : [x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)];
    for (const x of xs) {
      left = Math.min(left, x);
      right = Math.max(right, x);
    }
  }
  return [left, right];
}
