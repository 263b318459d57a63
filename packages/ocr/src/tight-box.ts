import { distance } from './distance.ts';
import type { Point, Quad } from './types.ts';

/**
 * The share of a line's thickness that a box reaches beyond the text on each side. Boxes are grown by as much as the
 * recognizer wants to see around a line, which is more than a person would draw; see docs/performance.md.
 */
const marginShare = 0.07;

/** The box around the text of a line, for those who are told of it: the detected rectangle without its margin. */
export function tightBox([a, b, c, d]: Quad): Quad {
  const [width, height] = [distance(a, b), distance(a, d)];
  const margin = marginShare * Math.min(width, height);
  // Along the first side and along the second one.
  const [u, v] = [width === 0 ? 0 : margin / width, height === 0 ? 0 : margin / height];
  const inwards = (corner: Point, beside: Point, below: Point): Point => [
    corner[0] + (beside[0] - corner[0]) * u + (below[0] - corner[0]) * v,
    corner[1] + (beside[1] - corner[1]) * u + (below[1] - corner[1]) * v,
  ];
  return [inwards(a, b, d), inwards(b, a, c), inwards(c, d, b), inwards(d, c, a)];
}
