import { expect, test } from 'vitest';
import { drawTimeline } from './scaling-plot.ts';
import { type Moment, toCsv } from './scaling-timeline.ts';

const moment = (seconds: number, change: Partial<Moment>): Moment => ({
  seconds,
  unfinished: 0,
  load: 0,
  finished: 0,
  desired: 1,
  ready: 1,
  ending: 0,
  ...change,
});
const moments = [
  moment(0, { load: undefined }),
  moment(1, { unfinished: 40 }),
  moment(2, { desired: 4, finished: 40 }),
];

test('the CSV has a row for each moment, and nothing where nothing is known', () => {
  expect(toCsv(moments).split('\n')).toEqual([
    'seconds,unfinished,load,finished,desired,ready,ending',
    '0,0,,0,1,1,0',
    '1,40,0,0,1,1,0',
    '2,0,0,40,4,1,0',
    '',
  ]);
});

test('the plot draws every curve to its scale', () => {
  const svg = drawTimeline({ title: 'a < b', moments, marks: [{ seconds: 1, label: 'burst' }] });
  expect(svg).toContain('a &lt; b');
  // Panel of 150 pixels from y = 50: 40 of 40 is at its top, 0 at its bottom; 1 of 2 seconds is in the middle of 780.
  expect(svg).toContain('M60 200L450 50L840 200');
  // Nothing is drawn before the load is known.
  expect(svg).toContain('M450 200L840 200');
  // Steps: along, then up.
  expect(svg).toMatch(/M60 \d+(\.\d)?H450V\d+(\.\d)?H840V\d+(\.\d)?/);
});
