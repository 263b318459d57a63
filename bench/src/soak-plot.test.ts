import { expect, it } from 'vitest';
import { drawSoak, type Sample } from './soak-plot.ts';

it('draws a line for each process, one that came later from where it began', () => {
  const samples: Sample[] = [
    { images: 50, rss: { 11: 300e6, 12: 310e6 } },
    { images: 100, rss: { 11: 320e6, 13: 290e6 } },
    { images: 150, rss: { 11: 320e6, 13: 330e6 } },
  ];
  const svg = drawSoak('tiny', samples);
  const paths = [...svg.matchAll(/<path d="([^"]+)"/g)].map(([, path]) => path?.split('L').length);
  expect(paths).toEqual([3, 1, 2]);
  expect(svg).toContain('engine process 3');
  expect(svg).toContain('model tiny');
});
