import { expect, test } from 'vitest';
import type { BenchImage } from '../image-set.ts';
import type { Contender } from './contender.ts';
import { reportContenders, spreadOf, summarizeLoad } from './race-report.ts';

const nothing = Number.NaN;

test.each([
  [[3, 1, 2], { median: 2, lowest: 1, highest: 3 }],
  [[nothing, 4], { median: 4, lowest: 4, highest: 4 }],
  [[nothing], undefined],
  [[], undefined],
])('spread of %j', (values, expected) => {
  expect(spreadOf(values)).toEqual(expected);
});

function contender(name: string, role: Contender['role'], cpuSeconds: number): Contender {
  return {
    name,
    role,
    run: () => Promise.reject(new Error('It has run')),
    usage: () => ({ peakBytes: 3e8, peakBytesEach: [1e8, 2e8], cpuSeconds }),
    close: () => Promise.resolve(),
  };
}

const images: BenchImage[] = [
  { file: 'a', path: 'a', bytes: Buffer.alloc(0), truth: [{ text: 'YES', extent: [0, 0, 9, 9] }] },
];
const read = (text: string) => [
  {
    file: 'a',
    lines: [
      {
        text,
        confidence: 1,
        box: [
          [0, 0],
          [9, 0],
          [9, 9],
          [0, 9],
        ] as const,
      },
    ],
  },
];

test('puts together who is who, round by round', () => {
  const contenders = [
    contender('ours', 'saturation', 8),
    contender('ours', 'latency', 100),
    contender('api', 'latency', 3),
    contender('peer', 'saturation', 12),
    contender('peers', 'saturation', 12),
  ];
  const showings = [
    { images: 4, predictions: read('yes'), latenciesMs: [9, 9, 9], failed: [] },
    { images: 2, predictions: read('yes'), latenciesMs: [10, 20, 30], failed: [] },
    { images: 2, predictions: read('yes'), latenciesMs: [40, 50, 60], failed: [] },
    { images: 4, predictions: read('no'), latenciesMs: [70, 80, 90], failed: ['b', 'c'] },
    { images: 4, predictions: read('yes'), latenciesMs: [], failed: [] },
  ];
  const rounds = [{ imagesPerSecond: [2, 1, 1, 1, 4] }, { imagesPerSecond: [3, nothing, nothing, 2, 6] }];
  const [ours, api, peer, peers, ...others] = reportContenders(contenders, { rounds, showings }, images);
  expect(others).toEqual([]);
  expect(ours).toMatchObject({
    name: 'ours',
    imagesPerSecond: { median: 2.5, lowest: 2, highest: 3 },
    ratio: undefined,
    latency: { p50Ms: 20, images: 3 },
    cpuSecondsPerImage: 2,
    scores: { wordF1: 1, lineF1: 1 },
  });
  expect(api).toMatchObject({ imagesPerSecond: undefined, ratio: undefined, latency: { p50Ms: 50 } });
  expect(peer).toMatchObject({
    ratio: { median: 1.75, lowest: 1.5, highest: 2 },
    latency: { p50Ms: 80 },
    cpuSecondsPerImage: 3,
    failed: 2,
    scores: { wordF1: 0 },
  });
  expect(peers).toMatchObject({ ratio: { median: 0.5, lowest: 0.5, highest: 0.5 }, latency: undefined });
});

test('a load under which nothing was answered has no latency', () => {
  expect(summarizeLoad({ requestsPerSecond: 1, requests: 2, failed: 2, latenciesMs: [] })).toEqual({
    requestsPerSecond: 1,
    requests: 2,
    failed: 2,
  });
});
