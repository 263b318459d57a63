import { expect, test } from 'vitest';
import { numberLabel, ticksUpTo, timeLabels, timeTicksUpTo } from './axis.ts';
import { thinPoints } from './thin-points.ts';
import { drawTimeline } from './timeline.ts';

test.each([
  [7, [0, 2, 4, 6, 8]],
  [100, [0, 25, 50, 75, 100]],
  [0.3, [0, 0.1, 0.2, 0.3]],
  [0, [0, 1]],
])('an axis up to %d has round numbers', (max, expected) => {
  expect(ticksUpTo(max)).toEqual(expected);
});

test('counts have whole numbers', () => {
  expect(ticksUpTo(9, 1)).toEqual([0, 5, 10]);
  expect(ticksUpTo(2, 1)).toEqual([0, 1, 2]);
});

test('times are told in the unit in which they are whole', () => {
  expect(timeLabels(timeTicksUpTo(600))).toEqual([
    '0',
    '1 min',
    '2 min',
    '3 min',
    '4 min',
    '5 min',
    '6 min',
    '7 min',
    '8 min',
    '9 min',
    '10 min',
  ]);
  expect(timeLabels(timeTicksUpTo(20))).toContain('12 s');
  expect(timeLabels(timeTicksUpTo(86_400))).toContain('12 h');
  expect(numberLabel(25_000)).toBe('25k');
});

test('thinning keeps the ends and each peak', () => {
  const points = Array.from({ length: 10_000 }, (_, x) => [x, x === 4_321 ? 99 : x === 7_777 ? -5 : 1] as const);
  const thin = thinPoints(points, 200);
  expect(thin.length).toBeLessThanOrEqual(200);
  expect(thin[0]).toEqual([0, 1]);
  expect(thin.at(-1)).toEqual([9_999, 1]);
  expect(thin).toContainEqual([4_321, 99]);
  expect(thin).toContainEqual([7_777, -5]);
  expect(thin).toEqual(thin.toSorted(([a], [b]) => a - b));
});

const counts = [
  [0, 0],
  [10, 0],
  [20, 4],
  [30, 4],
] as const;

test('steps stay until they change, lines go straight', () => {
  const svg = drawTimeline({
    title: 'A & B',
    panels: [
      { label: 'pods', series: [{ name: 'there', points: counts, shape: 'step' }] },
      {
        label: 'age',
        series: [{ name: 'oldest', points: counts, shape: 'line' }],
        mark: { height: 8, label: 'target' },
      },
    ],
    band: { fromSeconds: 10, untilSeconds: 20 },
  });
  expect(svg).toContain('A &amp; B');
  const [step, line] = [...svg.matchAll(/<path d="([^"]+)"/g)].map(([, path]) => path);
  // 0 is at the bottom of the panel, 4 at its top; of 860 pixels 770 are 30 s.
  expect(step).toBe('M64 176H577.3V46H834V46');
  expect(line).toBe('M64 334L320.7 334L577.3 269L834 269');
  expect(svg).toContain('target');
  expect(svg).toContain('opacity="0.35"');
});

test('stays small, however long it is', () => {
  const points = Array.from({ length: 100_000 }, (_, x) => [x, Math.sin(x) + 1] as const);
  const series = ['a', 'b'].map((name) => ({ name, points, shape: 'line' as const }));
  const svg = drawTimeline({ title: 'long', panels: [1, 2, 3].map(() => ({ label: 'x', series })) });
  expect(svg.length).toBeLessThan(60_000);
});
