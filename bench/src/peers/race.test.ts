import { expect, test } from 'vitest';
import type { Contender } from './contender.ts';
import type { BenchImage } from '../image-set.ts';
import { race } from './race.ts';

const images = ['a', 'b', 'c'].map((file): BenchImage => ({
  file,
  path: file,
  bytes: Buffer.alloc(0),
  truth: undefined,
}));

function fakeContender(
  name: string,
  {
    role,
    secondsPerImage,
    log = [],
    cannotRead,
  }: { role: Contender['role']; secondsPerImage: number; log?: string[]; cannotRead?: string },
): Contender {
  return {
    name,
    role,
    async run(part) {
      log.push(`${name}:${part.map(({ file }) => file).join('')}`);
      return {
        seconds: part.length * secondsPerImage,
        predictions: part.filter(({ file }) => file !== cannotRead).map(({ file }) => ({ file, lines: [] })),
        latenciesMs: part.map(() => secondsPerImage * 1000),
        failures: part.filter(({ file }) => file === cannotRead).map(({ file }) => ({ file, reason: 'no image' })),
      };
    },
    usage: () => ({ peakBytes: 0, peakBytesEach: [], cpuSeconds: 0 }),
    async close() {},
  };
}

const silent = { onRound: () => undefined, onFailure: () => undefined };

test('takes turns in beginning, and every one reads every image', async () => {
  const log: string[] = [];
  const contenders = [
    fakeContender('A', { role: 'saturation', secondsPerImage: 0.5, log }),
    fakeContender('B', { role: 'saturation', secondsPerImage: 0.25, log }),
  ];
  const { rounds, showings } = await race(contenders, images, { chunk: 2, passes: 1, ...silent });
  expect(log).toEqual(['A:ab', 'B:ab', 'B:c', 'A:c']);
  expect(rounds).toEqual([{ imagesPerSecond: [2, 4] }, { imagesPerSecond: [2, 4] }]);
  expect(showings.map(({ predictions }) => predictions.map(({ file }) => file))).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ]);
  expect(showings[0]).toMatchObject({ images: 3, latenciesMs: [500, 500, 500] });
});

test('latencies are measured in the first pass only', async () => {
  const log: string[] = [];
  const contenders = [
    fakeContender('A', { role: 'saturation', secondsPerImage: 0.5, log }),
    fakeContender('B', { role: 'latency', secondsPerImage: 0.25, log }),
  ];
  const { rounds, showings } = await race(contenders, images, { chunk: 3, passes: 2, ...silent });
  expect(log).toEqual(['A:abc', 'B:abc', 'A:abc']);
  expect(rounds.map(({ imagesPerSecond }) => imagesPerSecond)).toEqual([
    [2, 4],
    [2, Number.NaN],
  ]);
  expect(showings.map((showing) => showing.images)).toEqual([6, 3]);
});

test('an image that somebody cannot read is told of once, and the race goes on', async () => {
  const messages: string[] = [];
  const contenders = [
    fakeContender('A', { role: 'saturation', secondsPerImage: 1 }),
    fakeContender('B', { role: 'saturation', secondsPerImage: 1, cannotRead: 'b' }),
  ];
  const onFailure = (message: string): void => void messages.push(message);
  const { rounds, showings } = await race(contenders, images, { chunk: 3, passes: 2, ...silent, onFailure });
  expect(messages).toEqual(['B: b: no image']);
  expect(showings.map(({ failed }) => failed)).toEqual([[], ['b']]);
  // Only what was read counts, in the time that all took.
  expect(rounds[0]?.imagesPerSecond[1]).toBeCloseTo(2 / 3, 10);
  expect(showings[1]?.images).toBe(4);
});
