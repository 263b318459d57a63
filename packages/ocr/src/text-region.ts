import type { ProbabilityMap } from './boxes-from-bitmap.ts';
import type { Image } from './image.ts';

/** A part of an image in its pixels; right and bottom are beyond it. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Pixels that the network takes for text with at least this probability keep their place in the region. */
const possibleText = 0.05;

/** Sides of the tiles that strokes are looked for in, and how far each lies from the next: half a tile. */
const tileSide = 32;
const tileStep = 16;

/** Neighbors that differ by this much (luma, 0..255) are the edge of a stroke: little more than the noise of a photo. */
const edgeContrast = 20;

/** So many rows and columns of a tile cross a stroke where a word may be, however small: dust is smaller. */
const crossedRows = 4;
const crossedColumns = 6;

/**
 * The part of an image in which text may be, by the network's answer and by what the pixels show: a letter that is too
 * small for the network still has strokes, which run in both directions. A straight shadow or the edge of a sheet has
 * them in one only.
 *
 * The map is of the whole image and may be smaller. Undefined where nothing is that could be text. Time is linear in
 * the pixels.
 */
export function textRegion(map: ProbabilityMap, image: Image): Region | undefined {
  const { width, height } = image;
  let [left, top, right, bottom] = [width, height, 0, 0];
  const include = (part: Region): void => {
    left = Math.min(left, part.left);
    top = Math.min(top, part.top);
    right = Math.max(right, part.right);
    bottom = Math.max(bottom, part.bottom);
  };
  const [byX, byY] = [width / map.width, height / map.height];
  for (let y = 0; y < map.height; y++) {
    let [first, last] = [y * map.width, (y + 1) * map.width - 1];
    while (first <= last && map.data[first]! < possibleText) first++;
    while (last > first && map.data[last]! < possibleText) last--;
    const x = first - y * map.width;
    const end = last - y * map.width + 1;
    if (first <= last) include({ left: x * byX, top: y * byY, right: end * byX, bottom: (y + 1) * byY });
  }
  const edges = findEdges(image);
  for (let y = 0; y < height; y += tileStep) {
    for (let x = 0; x < width; x += tileStep) {
      const tile = { left: x, top: y, right: Math.min(width, x + tileSide), bottom: Math.min(height, y + tileSide) };
      const isKnown = tile.left >= left && tile.right <= right && tile.top >= top && tile.bottom <= bottom;
      const strokes = isKnown ? undefined : strokesIn(edges, width, tile);
      if (strokes !== undefined) include(strokes);
    }
  }
  return right > left ? { left, top, right, bottom } : undefined;
}

/** Bits of an edge: a pixel is darker or brighter than its left neighbor, and than its upper one. */
const [darkerAcross, brighterAcross, darkerDown, brighterDown] = [1, 2, 4, 8];

/** A stroke lies across a row or column in which both occur. */
const strokeAcross = darkerAcross | brighterAcross;
const strokeDown = darkerDown | brighterDown;

/** The edges at each pixel, row by row. */
function findEdges({ data, width, height }: Image): Uint8Array {
  const edges = new Uint8Array(width * height);
  let above = new Int32Array(width);
  let here = new Int32Array(width);
  for (let y = 0, at = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++, i += 3) {
      // Four times the luma, near enough to BT.601; each channel counts.
      const luma = data[i]! + 2 * data[i + 1]! + data[i + 2]!;
      here[x] = luma;
      let bits = 0;
      if (x > 0) {
        const difference = luma - here[x - 1]!;
        if (difference <= -4 * edgeContrast) bits = darkerAcross;
        else if (difference >= 4 * edgeContrast) bits = brighterAcross;
      }
      if (y > 0) {
        const difference = luma - above[x]!;
        if (difference <= -4 * edgeContrast) bits |= darkerDown;
        else if (difference >= 4 * edgeContrast) bits |= brighterDown;
      }
      edges[at] = bits;
    }
    [above, here] = [here, above];
  }
  return edges;
}

/** The rows and columns of a tile that cross strokes, if there are enough of both. */
function strokesIn(edges: Uint8Array, width: number, { left, top, right, bottom }: Region): Region | undefined {
  const rows = new Uint8Array(bottom - top);
  const columns = new Uint8Array(right - left);
  for (let y = top; y < bottom; y++) {
    let row = 0;
    for (let x = left, at = y * width + left; x < right; x++, at++) {
      const bits = edges[at]!;
      // An edge to what lies outside of the tile bounds no stroke inside.
      if (x > left) row |= bits & strokeAcross;
      if (y > top) columns[x - left]! |= bits & strokeDown;
    }
    rows[y - top] = row;
  }
  if (count(rows, strokeAcross) < crossedRows || count(columns, strokeDown) < crossedColumns) return undefined;
  return {
    left: left + columns.indexOf(strokeDown),
    top: top + rows.indexOf(strokeAcross),
    right: left + columns.lastIndexOf(strokeDown) + 1,
    bottom: top + rows.lastIndexOf(strokeAcross) + 1,
  };
}

function count(lines: Uint8Array, wanted: number): number {
  let sum = 0;
  for (const line of lines) if (line === wanted) sum++;
  return sum;
}
