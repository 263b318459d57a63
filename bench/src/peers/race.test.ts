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
  { role, secondsPerImage, log }: { role: Contender['role']; secondsPerImage: number; log: string[] },
): Contender {
  return {
    name,
    role,
    async run(part) {
      log.push(`${name}:${part.map(({ file }) => file).join('')}`);
      return {
        seconds: part.length * secondsPerImage,
        predictions: part.map(({ file }) => ({ file, lines: [] })),
        latenciesMs: part.map(() => secondsPerImage * 1000),
      };
    },
    usage: () => ({ peakBytes: 0, peakBytesEach: [], cpuSeconds: 0 }),
    async close() {},
  };
}

test('takes turns in beginning, and every one reads every image', async () => {
  const log: string[] = [];
  const contenders = [
    fakeContender('A', { role: 'saturation', secondsPerImage: 0.5, log }),
    fakeContender('B', { role: 'saturation', secondsPerImage: 0.25, log }),
  ];
  const { rounds, showings } = await race(contenders, images, { chunk: 2, passes: 1, onRound: () => undefined });
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
  const { rounds, showings } = await race(contenders, images, { chunk: 3, passes: 2, onRound: () => undefined });
  expect(log).toEqual(['A:abc', 'B:abc', 'A:abc']);
  expect(rounds.map(({ imagesPerSecond }) => imagesPerSecond)).toEqual([
    [2, 4],
    [2, Number.NaN],
  ]);
  expect(showings.map((showing) => showing.images)).toEqual([6, 3]);
});
