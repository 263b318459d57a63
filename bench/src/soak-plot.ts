import { ticksUpTo } from './plot/axis.ts';
import { drawChart } from './plot/chart.ts';
import { type Point, thinPoints } from './plot/thin-points.ts';

export interface Sample {
  /** Read so far. */
  readonly images: number;
  /** Resident bytes by process id. */
  readonly rss: Readonly<Record<number, number>>;
}

const pointsPerProcess = 50;

/** An SVG of the resident memory of each engine process over the images that the pool has read. */
export function drawSoak(model: string, samples: readonly Sample[]): string {
  const pids = [...new Set(samples.flatMap(({ rss }) => Object.keys(rss).map(Number)))];
  const series = pids.map((pid, index) => {
    const points = samples.flatMap(({ images, rss }): Point[] => {
      const bytes = rss[pid];
      return bytes === undefined ? [] : [[images, bytes / 1e6]];
    });
    return {
      name: `engine process ${index + 1}`,
      points: thinPoints(points, pointsPerProcess),
      shape: 'line' as const,
      color: index,
    };
  });
  const highest = Math.max(...series.flatMap(({ points }) => points.map(([, megabytes]) => megabytes)));
  return drawChart({
    title: `Memory of engine processes over images of ever new shapes, model ${model}`,
    x: { label: 'images read', ticks: ticksUpTo(samples.at(-1)?.images ?? 0) },
    y: { label: 'resident memory, MB', ticks: ticksUpTo(highest) },
    series,
  });
}
