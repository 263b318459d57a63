import { drawBars } from '../plot/bars.ts';
import { drawChart, type ChartMark, type ChartSeries } from '../plot/chart.ts';
import { ticksBetween, ticksUpTo } from '../plot/axis.ts';
import { fixed, megabytes } from '../table.ts';
import type { ContenderReport, LoadCurve, ModelReport, PeersReport } from './race-report.ts';

export interface Plot {
  readonly file: string;
  readonly svg: string;
  /** What is to be seen, for those who do not see it. */
  readonly alternative: string;
}

/** Without truth there is none of accuracy, without a load none of latencies. */
export function drawPlots({ models }: PeersReport): Plot[] {
  const contenders = models.flatMap((model) => model.contenders);
  return [...speedPlots(contenders), ...models.flatMap(latencyPlots), memoryPlot(contenders)];
}

/** The same program has the same color everywhere. */
function colorOfProgram(name: string): number {
  if (name.startsWith('Glyphmill')) return 0;
  return name.startsWith('faster-paddle') ? 1 : 2;
}

function speedPlots(contenders: readonly ContenderReport[]): Plot[] {
  const series = contenders.flatMap(({ name, imagesPerSecond, scores }): ChartSeries[] =>
    imagesPerSecond === undefined || scores === undefined
      ? []
      : [{ name, points: [[imagesPerSecond.median, scores.wordF1]], shape: 'dots', color: colorOfProgram(name) }],
  );
  if (series.length === 0) return [];
  const [xs, ys] = [0, 1].map((axis) => series.flatMap(({ points }) => points.map((point) => point[axis] ?? 0)));
  const svg = drawChart({
    title: 'Speed and accuracy: best is at the top right',
    x: { label: 'images/s', ticks: ticksUpTo(Math.max(...(xs ?? []))) },
    y: { label: 'word F1', ticks: ticksBetween(Math.min(...(ys ?? [])), Math.max(...(ys ?? []))) },
    series,
  });
  return [{ file: 'speed-accuracy.svg', svg, alternative: 'Images per second against word F1' }];
}

function latencyPlots({ model, contenders, load }: ModelReport): Plot[] {
  if (load === undefined) return [];
  const marks = [saturationMark(load), ...contenders.flatMap(peerMark)];
  const series = [latencySeries('p95', load), latencySeries('p50', load)];
  const xs = [...load.points.map(({ requestsPerSecond }) => requestsPerSecond), ...marks.map(({ x }) => x)];
  const ys = series.flatMap(({ points }) => points.map(([, seconds]) => seconds));
  const svg = drawChart({
    title: `Latency of POST /analyze against load, model ${model}`,
    x: { label: 'requests/s offered', ticks: ticksUpTo(Math.max(...xs)) },
    y: { label: 'seconds', ticks: ticksUpTo(Math.max(...ys)) },
    series,
    marks,
  });
  return [{ file: `latency-${model}.svg`, svg, alternative: `Latency against load, model ${model}` }];
}

function latencySeries(name: 'p50' | 'p95', { points }: LoadCurve): ChartSeries {
  return {
    name,
    points: points.flatMap((point) => {
      const latencyMs = point[`${name}Ms`];
      return latencyMs === undefined ? [] : [[point.requestsPerSecond, latencyMs / 1000] as const];
    }),
    shape: name === 'p95' ? 'dashed line' : 'line',
    color: 0,
  };
}

function saturationMark({ saturation }: LoadCurve): ChartMark {
  return { x: saturation, label: `POST /analyze saturated, ${fixed(saturation, 2)}/s`, color: 0 };
}

/** The first contender is ours, and its saturation through HTTP has a mark already. */
function peerMark({ name, imagesPerSecond }: ContenderReport): ChartMark[] {
  const color = colorOfProgram(name);
  if (imagesPerSecond === undefined || color === 0) return [];
  const { median } = imagesPerSecond;
  return [{ x: median, label: `${name} saturated in its process, ${fixed(median, 2)}/s`, color }];
}

function memoryPlot(contenders: readonly ContenderReport[]): Plot {
  const bars = contenders.map(({ name, peakBytes }) => ({
    label: name,
    value: peakBytes / 1e6,
    valueLabel: `${megabytes(peakBytes)} MB`,
    color: colorOfProgram(name),
  }));
  const svg = drawBars({ title: 'Memory: the most that all processes had together', axisLabel: 'MB resident', bars });
  return { file: 'memory.svg', svg, alternative: 'Peak memory of each program' };
}
