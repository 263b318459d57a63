import { numberLabel } from './axis.ts';
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
const height = 400;
const plot = { left: 64, right: width - 26, top: 62, bottom: height - 52 };
const labelStep = 14;

interface Scales {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** An SVG of dots or lines over two axes with scales of their own, readable on light and dark pages. */
export function drawChart(chart: Chart): string {
  const scales = {
    x: scale(chart.x.ticks, plot.left, plot.right),
    y: scale(chart.y.ticks, plot.bottom, plot.top),
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" fill="#333">`,
    darkStyle,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(chart.title, { x: plot.left, y: 18, anchor: 'start', size: 13 }),
    ...drawAxes(chart, scales),
    ...drawMarks(chart.marks ?? [], scales),
    ...chart.series.map((series) => drawSeries(series, scales)),
    drawLegend(chart.series.filter(({ shape }) => shape !== 'dots')),
    '</svg>\n',
  ].join('\n');
}

function scale(ticks: readonly number[], from: number, to: number): (value: number) => number {
  const [low, high] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
  return (value) => from + ((Math.min(Math.max(value, low), high) - low) / (high - low)) * (to - from);
}

function drawAxes({ x, y }: Chart, scales: Scales): string[] {
  const columns = x.ticks.flatMap((tick) => [
    line([scales.x(tick), plot.top, scales.x(tick), plot.bottom], '#eee'),
    text(numberLabel(tick), { x: scales.x(tick), y: plot.bottom + 16, anchor: 'middle' }),
  ]);
  const rows = y.ticks.flatMap((tick, index) => [
    line([plot.left, scales.y(tick), plot.right, scales.y(tick)], index === 0 ? '#999' : '#ddd'),
    text(numberLabel(tick), { x: plot.left - 6, y: scales.y(tick) + 4, anchor: 'end' }),
  ]);
  return [
    ...columns,
    ...rows,
    text(x.label, { x: (plot.left + plot.right) / 2, y: plot.bottom + 38, anchor: 'middle' }),
    // Above its axis: turned text is hard to read.
    text(y.label, { x: 8, y: plot.top - 10, anchor: 'start' }),
  ];
}

/** Their labels are staggered, since marks may lie close together. */
function drawMarks(marks: readonly ChartMark[], scales: Scales): string[] {
  return marks.flatMap(({ x, label, color }, index) => {
    const at = scales.x(x);
    const y = plot.top + 12 + index * labelStep;
    const fitsRight = at + (label.length + 1) * letterWidth < plot.right;
    return [
      line([at, plot.top, at, plot.bottom], colorOf(color), '4 3'),
      text(label, { x: at + (fitsRight ? 5 : -5), y, anchor: fitsRight ? 'start' : 'end' }),
    ];
  });
}

function drawSeries({ name, points, shape, color }: ChartSeries, scales: Scales): string {
  const places = points.map(([x, y]) => [scales.x(x), scales.y(y)] as const);
  const dots = places.map(
    ([x, y]) =>
      `<circle cx="${fixed(x)}" cy="${fixed(y)}" r="${shape === 'dots' ? 5 : 3}" fill="${colorOf(color)}" stroke="#fff"/>`,
  );
  if (shape === 'dots') return [...dots, ...places.map((place) => drawName(name, place))].join('\n');
  const path = places.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${fixed(x)} ${fixed(y)}`).join('');
  const dashes = shape === 'dashed line' ? ' stroke-dasharray="5 3"' : '';
  return [`<path d="${path}" fill="none" stroke="${colorOf(color)}" stroke-width="1.5"${dashes}/>`, ...dots].join('\n');
}

function drawName(name: string, [x, y]: readonly [number, number]): string {
  const fitsRight = x + 10 + name.length * letterWidth < plot.right;
  return text(name, { x: x + (fitsRight ? 9 : -9), y: y + 4, anchor: fitsRight ? 'start' : 'end' });
}

function drawLegend(series: readonly ChartSeries[]): string {
  const y = plot.top - 24;
  let x = plot.left;
  return series
    .map(({ name, shape, color }) => {
      const dashes = shape === 'dashed line' ? ' stroke-dasharray="5 3"' : '';
      const sample = `<path d="M${fixed(x)} ${y - 4}h18" stroke="${colorOf(color)}" stroke-width="2"${dashes}/>`;
      const label = text(name, { x: x + 23, y, anchor: 'start' });
      x += name.length * letterWidth + 45;
      return `${sample}\n${label}`;
    })
    .join('\n');
}
