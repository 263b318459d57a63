import { numberLabel } from './axis.ts';
import { placeLabels } from './place-labels.ts';
import { colorOf, darkStyle, fixed, letterWidth, line, text } from './svg-elements.ts';
import type { Point } from './thin-points.ts';

export interface Axis {
  readonly label: string;
  /** In rising order; the first and the last are the ends of the scale. What lies beyond is drawn at the end. */
  readonly ticks: readonly number[];
}

export interface ChartSeries {
  readonly name: string;
  readonly points: readonly Point[];
  /** `dots` have their name beside them, lines are named above the chart. */
  readonly shape: 'dots' | 'line' | 'dashed line';
  /** The same number is the same color in all charts. */
  readonly color: number;
}

/** A value of x worth comparing with. */
export interface ChartMark {
  readonly x: number;
  readonly label: string;
  readonly color: number;
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly ChartSeries[];
  readonly marks?: readonly ChartMark[];
}

const width = 720;
const plotHeight = 290;
const margin = { left: 64, right: 26, bottom: 52 };
const right = width - margin.right;
const firstLegendRow = 38;
const legendRowHeight = 16;
const dotRadius = 5;

/** Where the axes are, and where values come to lie. */
interface Plot {
  readonly top: number;
  readonly bottom: number;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** An SVG of dots or lines over two axes with scales of their own, readable on light and dark pages. */
export function drawChart(chart: Chart): string {
  const legend = drawLegend(chart);
  const top = firstLegendRow + legend.rows * legendRowHeight + 12;
  const bottom = top + plotHeight;
  const plot = {
    top,
    bottom,
    x: scale(chart.x.ticks, margin.left, right),
    y: scale(chart.y.ticks, bottom, top),
  };
  const height = bottom + margin.bottom;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" fill="#333">`,
    darkStyle,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(chart.title, { x: margin.left, y: 18, anchor: 'start', size: 13 }),
    ...legend.parts,
    ...drawAxes(chart, plot),
    ...(chart.marks ?? []).map(({ x, color }) => line([plot.x(x), top, plot.x(x), bottom], colorOf(color), '2 4')),
    ...chart.series.map((series) => drawSeries(series, plot)),
    ...drawNames(chart.series, plot),
    '</svg>\n',
  ].join('\n');
}

function scale(ticks: readonly number[], from: number, to: number): (value: number) => number {
  const [low, high] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
  return (value) => from + ((Math.min(Math.max(value, low), high) - low) / (high - low)) * (to - from);
}

/** Lines and marks with their names, in as many rows as they need. */
function drawLegend({ series, marks = [] }: Chart): { readonly rows: number; readonly parts: readonly string[] } {
  const entries = [
    ...series
      .filter(({ shape }) => shape !== 'dots')
      .map(({ name, shape, color }) => ({ name, color, dashes: shape === 'dashed line' ? '5 3' : undefined })),
    ...marks.map(({ label, color }) => ({ name: label, color, dashes: '2 4' })),
  ];
  const parts: string[] = [];
  let x = margin.left;
  let row = 0;
  for (const { name, color, dashes } of entries) {
    const entryWidth = name.length * letterWidth + 42;
    if (x > margin.left && x + entryWidth > width) {
      x = margin.left;
      row++;
    }
    const y = firstLegendRow + row * legendRowHeight;
    parts.push(line([x, y - 4, x + 18, y - 4], colorOf(color), dashes), text(name, { x: x + 23, y, anchor: 'start' }));
    x += entryWidth;
  }
  return { rows: entries.length === 0 ? 0 : row + 1, parts };
}

function drawAxes({ x, y }: Chart, plot: Plot): string[] {
  const columns = x.ticks.flatMap((tick) => [
    line([plot.x(tick), plot.top, plot.x(tick), plot.bottom], '#eee'),
    text(numberLabel(tick), { x: plot.x(tick), y: plot.bottom + 16, anchor: 'middle' }),
  ]);
  const rows = y.ticks.flatMap((tick, index) => [
    line([margin.left, plot.y(tick), right, plot.y(tick)], index === 0 ? '#999' : '#ddd'),
    text(numberLabel(tick), { x: margin.left - 6, y: plot.y(tick) + 4, anchor: 'end' }),
  ]);
  return [
    ...columns,
    ...rows,
    text(x.label, { x: (margin.left + right) / 2, y: plot.bottom + 38, anchor: 'middle' }),
    // Above its axis: turned text is hard to read.
    text(y.label, { x: 8, y: plot.top - 10, anchor: 'start' }),
  ];
}

function drawSeries({ points, shape, color }: ChartSeries, { x, y }: Plot): string {
  const radius = shape === 'dots' ? dotRadius : 3;
  const dots = points.map(
    (point) =>
      `<circle cx="${fixed(x(point[0]))}" cy="${fixed(y(point[1]))}" r="${radius}" fill="${colorOf(color)}" stroke="#fff"/>`,
  );
  if (shape === 'dots') return dots.join('\n');
  const path = points.map((point, index) => `${index === 0 ? 'M' : 'L'}${fixed(x(point[0]))} ${fixed(y(point[1]))}`);
  const dashes = shape === 'dashed line' ? ' stroke-dasharray="5 3"' : '';
  return [
    `<path d="${path.join('')}" fill="none" stroke="${colorOf(color)}" stroke-width="1.5"${dashes}/>`,
    ...dots,
  ].join('\n');
}

function drawNames(series: readonly ChartSeries[], { x, y, top, bottom }: Plot): string[] {
  const named = series
    .filter(({ shape }) => shape === 'dots')
    .flatMap(({ name, points }) => points.map((point) => ({ name, x: x(point[0]), y: y(point[1]) })));
  return placeLabels(named, { dotRadius, left: margin.left, right, top, bottom }).map(({ name, place }) =>
    text(name, place),
  );
}
