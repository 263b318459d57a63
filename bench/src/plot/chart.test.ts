import sharp from 'sharp';
import { expect, test } from 'vitest';
import { ticksBetween } from './axis.ts';
import { drawBars } from './bars.ts';
import { type Chart, drawChart } from './chart.ts';
import { colorOf } from './svg-elements.ts';

test.each([
  [0.78, 0.9, [0.75, 0.8, 0.85, 0.9]],
  [0.5, 0.5, [0.5, 0.5002]],
  [3, 17, [0, 5, 10, 15, 20]],
])('a scale from %d to %d has round numbers around both', (min, max, expected) => {
  const ticks = ticksBetween(min, max);
  expect(ticks).toEqual(expected);
});

const chart: Chart = {
  title: 'Speed & accuracy',
  x: { label: 'images/s', ticks: [0, 1, 2, 3, 4] },
  y: { label: 'word F1', ticks: [0.7, 0.8, 0.9] },
  series: [
    { name: 'left', points: [[1, 0.8]], shape: 'dots', color: 0 },
    { name: 'a name too long to stand to the right of its dot', points: [[3.9, 0.9]], shape: 'dots', color: 1 },
    {
      name: 'a line',
      points: [
        [0, 0.7],
        [4, 0.9],
      ],
      shape: 'dashed line',
      color: 2,
    },
  ],
  marks: [{ x: 2, label: 'a mark', color: 1 }],
};

test('puts dots, lines and marks where their values are, and names inside the picture', () => {
  const svg = drawChart(chart);
  expect(svg).toContain('Speed &amp; accuracy');
  // From 64 to 694 it is 0 to 4, from 348 up to 62 it is 0.7 to 0.9.
  expect(svg).toContain(`<circle cx="221.5" cy="205" r="5" fill="${colorOf(0)}"`);
  expect(svg).toContain('<text x="230.5" y="209" text-anchor="start">left</text>');
  expect(svg).toMatch(/text-anchor="end">a name too long/);
  expect(svg).toContain(`<path d="M64 348L694 62" fill="none" stroke="${colorOf(2)}"`);
  expect(svg).toContain(`<line x1="379" y1="62" x2="379" y2="348" stroke="${colorOf(1)}" stroke-dasharray="4 3"/>`);
});

test('draws what is beyond the scale at its end', () => {
  const svg = drawChart({ ...chart, series: [{ name: 'x', points: [[9, 2]], shape: 'dots', color: 0 }] });
  expect(svg).toContain('<circle cx="694" cy="62"');
});

test('bars are as long as their values', () => {
  const bars = [
    { label: 'one', value: 400, valueLabel: '400 MB', color: 0 },
    { label: 'half', value: 200, valueLabel: '200 MB', color: 1 },
  ];
  const svg = drawBars({ title: 'Memory', axisLabel: 'MB', bars });
  const widths = [...svg.matchAll(/<rect x="[^"]+" y="[^"]+" width="([^"]+)"/g)].map(([, width]) => Number(width));
  expect(widths[0]).toBeCloseTo((widths[1] ?? 0) * 2, 0);
  expect(svg).toContain('200 MB');
});

test.each([
  ['chart', drawChart(chart)],
  ['bars', drawBars({ title: 'B', axisLabel: 'MB', bars: [{ label: 'a', value: 1, valueLabel: '1', color: 0 }] })],
])('a %s is a picture, and dark where the surroundings are', async (_, svg) => {
  const { format, width } = await sharp(Buffer.from(svg)).metadata();
  expect([format, width]).toEqual(['svg', 720]);
  expect(svg).toContain('prefers-color-scheme: dark');
});
