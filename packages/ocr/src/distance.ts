import type { Point } from './types.ts';

/** How far two points are apart, in their own unit. */
export function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
