import { numberLabel, ticksUpTo } from './axis.ts';
import { colorOf, darkStyle, fixed, letterWidth, line, text } from './svg-elements.ts';

export interface Bar {
  readonly label: string;
  /** From 0 on. */
  readonly value: number;
  /** What is written behind it. */
  readonly valueLabel: string;
  readonly color: number;
}

export interface Bars {
  readonly title: string;
  readonly axisLabel: string;
  readonly bars: readonly Bar[];
}

const width = 720;
const rowHeight = 28;
const barHeight = 16;
const margin = { right: 26, top: 36, bottom: 50 };

/** An SVG of horizontal bars from 0 on, in their order from top to bottom, readable on light and dark pages. */
export function drawBars({ title, axisLabel, bars }: Bars): string {
  const left = 24 + Math.max(...bars.map(({ label }) => label.length)) * letterWidth;
  const bottom = margin.top + bars.length * rowHeight;
  const height = bottom + margin.bottom;
  const ticks = ticksUpTo(Math.max(...bars.map(({ value }) => value)));
  const x = (value: number): number => left + (value / (ticks.at(-1) ?? 1)) * (width - margin.right - left);
  const columns = ticks.flatMap((tick) => [
    line([x(tick), margin.top, x(tick), bottom], tick === 0 ? '#999' : '#ddd'),
    text(numberLabel(tick), { x: x(tick), y: bottom + 16, anchor: 'middle' }),
  ]);
  const rows = bars.flatMap(({ label, value, valueLabel, color }, index) => {
    const top = margin.top + index * rowHeight + (rowHeight - barHeight) / 2;
    const baseline = top + barHeight / 2 + 4;
    const fitsBehind = x(value) + (valueLabel.length + 2) * letterWidth < width;
    return [
      text(label, { x: left - 8, y: baseline, anchor: 'end' }),
      `<rect x="${fixed(left)}" y="${top}" width="${fixed(x(value) - left)}" height="${barHeight}" fill="${colorOf(color)}"/>`,
      fitsBehind
        ? text(valueLabel, { x: x(value) + 6, y: baseline, anchor: 'start' })
        : `<g fill="#fff">${text(valueLabel, { x: x(value) - 6, y: baseline, anchor: 'end' })}</g>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" fill="#333">`,
    darkStyle,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(title, { x: 16, y: 18, anchor: 'start', size: 13 }),
    ...columns,
    ...rows,
    text(axisLabel, { x: (left + width - margin.right) / 2, y: bottom + 38, anchor: 'middle' }),
    '</svg>\n',
  ].join('\n');
}
