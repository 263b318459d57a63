import { letterWidth, type TextPlace } from './svg-elements.ts';

export interface NamedDot {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export interface Bounds {
  readonly dotRadius: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

interface Rectangle {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Of letters of 11 pixels, above and below the line that they stand on. */
const ascent = 9;
const descent = 3;
const gap = 4;
/** Names that find no room beside their dot go so many steps up or down. */
const rowHeight = 14;
const maxRows = 4;

/**
 * Puts names beside their dots so that none covers another one, a dot, or the ends of the chart: to the right if possible,
 * else to the left, else higher or lower. Where there is no room at all it is to the right.
 */
export function placeLabels(
  dots: readonly NamedDot[],
  bounds: Bounds,
): { readonly name: string; readonly place: TextPlace }[] {
  const taken: Rectangle[] = dots.map(({ x, y }) => around(x, y, bounds.dotRadius));
  return dots.map(({ name, x, y }) => {
    const candidates = candidatesFor(name, { x, y, dotRadius: bounds.dotRadius });
    const chosen = candidates.find(({ area }) => isFree(area, taken, bounds)) ?? candidates[0];
    if (chosen === undefined) throw new Error('No place is a candidate');
    taken.push(chosen.area);
    return { name, place: chosen.place };
  });
}

interface Candidate {
  readonly place: TextPlace;
  readonly area: Rectangle;
}

function candidatesFor(
  name: string,
  { x, y, dotRadius }: { readonly x: number; readonly y: number; readonly dotRadius: number },
): Candidate[] {
  const nameWidth = name.length * letterWidth;
  const rows = Array.from({ length: maxRows }, (_, row) => (row === 0 ? [0] : [-row, row])).flat();
  return rows.flatMap((row) =>
    (['start', 'end'] as const).map((anchor) => {
      const from = anchor === 'start' ? x + dotRadius + gap : x - dotRadius - gap;
      const baseline = y + 4 + row * rowHeight;
      const left = anchor === 'start' ? from : from - nameWidth;
      const area = { left, right: left + nameWidth, top: baseline - ascent, bottom: baseline + descent };
      return { place: { x: from, y: baseline, anchor }, area };
    }),
  );
}

function isFree(area: Rectangle, taken: readonly Rectangle[], { left, right, top, bottom }: Bounds): boolean {
  const isInside = area.left >= left && area.right <= right && area.top >= top - ascent && area.bottom <= bottom;
  return isInside && taken.every((other) => !overlap(area, other));
}

function overlap(a: Rectangle, b: Rectangle): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function around(x: number, y: number, radius: number): Rectangle {
  return { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius };
}
