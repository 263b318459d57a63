import { numberLabel, ticksUpTo, timeLabels, timeTicksUpTo } from './axis.ts';
import { colorOf, fixed, letterWidth, line, text } from './svg-elements.ts';
import { type Point, thinPoints } from './thin-points.ts';

export interface Series {
  readonly name: string;
  /** Seconds and height, in the order of time. */
  readonly points: readonly Point[];
  /** A count stays until it changes; a `line` goes straight from point to point. */
  readonly shape: 'line' | 'step';
}

/** One strip of the picture, with a scale of its own that begins at 0. */
export interface Panel {
  readonly label: string;
  readonly series: readonly Series[];
  /** A height worth comparing with, such as a target. */
  readonly mark?: { readonly height: number; readonly label: string };
}

export interface Timeline {
  readonly title: string;
  readonly panels: readonly Panel[];
  /** A stretch of time that is shaded. */
  readonly band?: { readonly fromSeconds: number; readonly untilSeconds: number };
}

const width = 860;
const panelHeight = 130;
const margin = { left: 64, right: 26, top: 46, gap: 28, bottom: 30 };
const maxPointsPerSeries = 500;

/** An SVG of values over time, the panels below each other over one axis. Its size is bounded, however many points there are. */
export function drawTimeline({ title, panels, band }: Timeline): string {
  const endSeconds = Math.max(
    1,
    ...panels.flatMap(({ series }) => series.flatMap(({ points }) => points.at(-1)?.[0] ?? 0)),
  );
  const height = margin.top + panels.length * (panelHeight + margin.gap) - margin.gap + margin.bottom;
  const inner = width - margin.left - margin.right;
  const x = (seconds: number): number => margin.left + (Math.min(seconds, endSeconds) / endSeconds) * inner;
  const ticks = timeTicksUpTo(endSeconds);
  const parts = panels.map((panel, index) => {
    const top = margin.top + index * (panelHeight + margin.gap);
    return drawPanel(panel, { top, x, ticks, band });
  });
  const labels = timeLabels(ticks).map((label, index) =>
    text(label, { x: x(ticks[index] ?? 0), y: height - margin.bottom + 16, anchor: 'middle' }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" fill="#333">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(title, { x: margin.left, y: 16, anchor: 'start', size: 13 }),
    ...parts,
    ...labels,
    '</svg>\n',
  ].join('\n');
}

interface Place {
  readonly top: number;
  readonly x: (seconds: number) => number;
  readonly ticks: readonly number[];
  readonly band: Timeline['band'];
}

function drawPanel({ label, series, mark }: Panel, { top, x, ticks, band }: Place): string {
  const values = series.flatMap(({ points }) => points.map(([, height]) => height));
  const highest = values.reduce((most, value) => Math.max(most, value), mark?.height ?? 0);
  // Counts are whole.
  const least = series.every(({ shape }) => shape === 'step') ? 1 : 0;
  const heights = ticksUpTo(highest, least);
  const scale = panelHeight / (heights.at(-1) ?? 1);
  const y = (value: number): number => top + panelHeight - value * scale;
  const bottom = top + panelHeight;
  const right = width - margin.right;
  const parts: string[] = [];
  if (band !== undefined) {
    const [from, until] = [x(band.fromSeconds), x(band.untilSeconds)];
    parts.push(
      `<rect x="${fixed(from)}" y="${top}" width="${fixed(Math.max(until - from, 1))}" height="${panelHeight}" fill="#f0e442" opacity="0.35"/>`,
    );
  }
  for (const tick of ticks) parts.push(line([x(tick), top, x(tick), bottom], '#eee'));
  for (const value of heights) {
    parts.push(line([margin.left, y(value), right, y(value)], value === 0 ? '#999' : '#ddd'));
    parts.push(text(numberLabel(value), { x: margin.left - 6, y: y(value) + 4, anchor: 'end' }));
  }
  if (mark !== undefined) {
    parts.push(line([margin.left, y(mark.height), right, y(mark.height)], '#333', '4 3'));
    parts.push(text(mark.label, { x: right, y: y(mark.height) - 4, anchor: 'end' }));
  }
  for (const [index, { points, shape }] of series.entries()) {
    const path = pathOf(thinPoints(points, maxPointsPerSeries), { shape, x, y });
    parts.push(`<path d="${path}" fill="none" stroke="${colorOf(index)}" stroke-width="1.5"/>`);
  }
  parts.push(drawLegend(label, series, top - 6));
  return parts.join('\n');
}

function drawLegend(label: string, series: readonly Series[], y: number): string {
  let x = margin.left;
  const parts = [text(label, { x, y, anchor: 'start' })];
  x += label.length * letterWidth + 18;
  for (const [index, { name }] of series.entries()) {
    parts.push(`<rect x="${fixed(x)}" y="${y - 7}" width="12" height="3" fill="${colorOf(index)}"/>`);
    parts.push(text(name, { x: x + 16, y, anchor: 'start' }));
    x += name.length * letterWidth + 34;
  }
  return parts.join('\n');
}

function pathOf(
  points: readonly Point[],
  { shape, x, y }: { shape: Series['shape']; x: (seconds: number) => number; y: (value: number) => number },
): string {
  const commands: string[] = [];
  for (const [index, [seconds, value]] of points.entries()) {
    const [px, py] = [fixed(x(seconds)), fixed(y(value))];
    if (index === 0) commands.push(`M${px} ${py}`);
    else if (shape === 'line') commands.push(`L${px} ${py}`);
    // Where it stays as it was, the next change draws the way.
    else if (points[index - 1]?.[1] !== value || index === points.length - 1) commands.push(`H${px}V${py}`);
  }
  return commands.join('');
}
