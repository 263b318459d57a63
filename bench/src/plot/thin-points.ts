export type Point = readonly [x: number, y: number];

/** Points in the order of x, at most about `max`: of each stretch the first, lowest, highest and last stay, so that no peak is lost. */
export function thinPoints(points: readonly Point[], max: number): readonly Point[] {
  if (points.length <= max) return points;
  const size = Math.ceil((points.length * 4) / max);
  const kept: Point[] = [];
  for (let from = 0; from < points.length; from += size) kept.push(...extremes(points.slice(from, from + size)));
  return kept;
}

function extremes(stretch: readonly Point[]): readonly Point[] {
  const heights = stretch.map(([, y]) => y);
  const [lowest, highest] = [Math.min(...heights), Math.max(...heights)].map((height) => heights.indexOf(height));
  const kept = new Set([0, lowest, highest, stretch.length - 1]);
  return stretch.filter((_, index) => kept.has(index));
}
