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

/** Strokes are looked for in tiles of 2 × 2 blocks with these sides; each block belongs to four tiles. */
const blockSide = 16;

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
  for (let y = 0; y < height; y += blockSide) {
    for (let x = 0; x < width; x += blockSide) {
      const tile = { left: x, top: y, right: x + 2 * blockSide, bottom: y + 2 * blockSide };
      const isKnown = tile.left >= left && tile.right <= right && tile.top >= top && tile.bottom <= bottom;
      const strokes = isKnown ? undefined : strokesIn(edges, tile);
      if (strokes !== undefined) include(strokes);
    }
  }
  return right > left ? { left, top, right, bottom } : undefined;
}

/** Bits of a row or column: somewhere in it a pixel is darker or brighter than the one before. Both: it crosses a stroke. */
const darker = 1;
const brighter = 2;
const crossed = darker | brighter;

/** What there is in the rows and columns of each block; some empty ones lie beyond the image. */
interface Edges {
  /** Blocks from left to right. */
  readonly across: number;
  /** Height × `across`: of each row of the image, block by block. */
  readonly rows: Uint8Array;
  /** Columns of the image, and those beyond. */
  readonly width: number;
  /** Blocks from top to bottom × `width`: of each column, block by block. */
  readonly columns: Uint8Array;
}

function findEdges({ data, width, height }: Image): Edges {
  const across = Math.ceil(width / blockSide) + 1;
  const down = Math.ceil(height / blockSide) + 1;
  const rows = new Uint8Array(across * down * blockSide);
  const columns = new Uint8Array(across * blockSide * down);
  const above = new Int32Array(width);
  const contrast = 4 * edgeContrast;
  for (let x = 0; x < width; x++) above[x] = fourLumas(data, 3 * x);
  for (let y = 0, i = 0; y < height; y++) {
    let before = fourLumas(data, i);
    const columnsAt = Math.floor(y / blockSide) * across * blockSide;
    for (let block = 0, x = 0; x < width; block++) {
      let row = 0;
      for (const end = Math.min(width, x + blockSide); x < end; x++, i += 3) {
        const luma = fourLumas(data, i);
        const step = luma - before;
        if (step >= contrast) row |= brighter;
        else if (step <= -contrast) row |= darker;
        const fall = luma - above[x]!;
        if (fall >= contrast) columns[columnsAt + x]! |= brighter;
        else if (fall <= -contrast) columns[columnsAt + x]! |= darker;
        above[x] = luma;
        before = luma;
      }
      rows[y * across + block] = row;
    }
  }
  return { across, rows, width: across * blockSide, columns };
}

/** Four times the luma of the pixel that begins there, near enough to BT.601; each channel counts. */
function fourLumas(data: Uint8Array, at: number): number {
  return data[at]! + 2 * data[at + 1]! + data[at + 2]!;
}

/** The rows and columns of a tile that cross strokes, if there are enough of both. */
function strokesIn({ across, rows, width, columns }: Edges, { left, top, right, bottom }: Region): Region | undefined {
  let [first, last, count] = [bottom, top, 0];
  for (let y = top, at = top * across + left / blockSide; y < bottom; y++, at += across) {
    if ((rows[at]! | rows[at + 1]!) !== crossed) continue;
    first = Math.min(first, y);
    last = y;
    count++;
  }
  if (count < crossedRows) return undefined;
  let [leftmost, rightmost] = [right, left];
  count = 0;
  for (let x = left, at = (top / blockSide) * width + left; x < right; x++, at++) {
    if ((columns[at]! | columns[at + width]!) !== crossed) continue;
    leftmost = Math.min(leftmost, x);
    rightmost = x;
    count++;
  }
  return count < crossedColumns ? undefined : { left: leftmost, top: first, right: rightmost + 1, bottom: last + 1 };
}
