import sharp from 'sharp';
import { expect, test } from 'vitest';
import { ticksBetween } from './axis.ts';
import { drawBars } from './bars.ts';
import { type Chart, drawChart } from './chart.ts';
import { placeLabels } from './place-labels.ts';
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
  // Two rows of names above it; from 64 to 694 it is 0 to 4, from 356 up to 66 it is 0.7 to 0.9.
  expect(svg).toContain(`<circle cx="221.5" cy="211" r="5" fill="${colorOf(0)}"`);
  expect(svg).toContain('<text x="230.5" y="215" text-anchor="start">left</text>');
  expect(svg).toMatch(/text-anchor="end">a name too long/);
  expect(svg).toContain(`<path d="M64 356L694 66" fill="none" stroke="${colorOf(2)}"`);
  expect(svg).toContain(`<line x1="379" y1="66" x2="379" y2="356" stroke="${colorOf(1)}" stroke-dasharray="2 4"/>`);
  expect(svg).toContain('>a mark</text>');
});

const bounds = { dotRadius: 5, left: 0, right: 200, top: 0, bottom: 100 };

test.each([
  { of: 'a lonely dot', dots: [[20, 50]], places: [[29, 54, 'start']] },
  { of: 'a dot at the right end', dots: [[190, 50]], places: [[181, 54, 'end']] },
  {
    of: 'dots close together',
    dots: [
      [60, 50],
      [75, 50],
    ],
    places: [
      [51, 54, 'end'],
      [84, 54, 'start'],
    ],
  },
  {
    of: 'dots on top of each other',
    dots: [
      [20, 50],
      [20, 50],
      [20, 50],
    ],
    places: [
      [29, 54, 'start'],
      [29, 40, 'start'],
      [29, 68, 'start'],
    ],
  },
])('names of $of stay apart', ({ dots, places }) => {
  const placed = placeLabels(
    dots.map(([x = 0, y = 0]) => ({ name: 'name', x, y })),
    bounds,
  );
  expect(placed.map(({ place: { x, y, anchor } }) => [x, y, anchor])).toEqual(places);
});

test('a legend goes on in another row where it would not fit', () => {
  const named = (name: string) => ({ name, points: [], shape: 'line' as const, color: 0 });
  const svg = drawChart({ ...chart, series: [named('a'.repeat(60)), named('b'.repeat(60))] });
  const places = [...svg.matchAll(/<text x="(\d+)" y="(\d+)" text-anchor="start">[ab]{60}</g)];
  expect(places.map(([, x, y]) => [x, y])).toEqual([
    ['87', '38'],
    ['87', '54'],
  ]);
});

test('draws what is beyond the scale at its end', () => {
  const svg = drawChart({ ...chart, series: [{ name: 'x', points: [[9, 2]], shape: 'dots', color: 0 }] });
  expect(svg).toContain('<circle cx="694" cy="66"');
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
