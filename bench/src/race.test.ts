import { expect, test } from 'vitest';
import type { Contender } from './contender.ts';
import type { BenchImage } from './image-set.ts';
import { race } from './race.ts';

test('takes turns in beginning, and every one reads every image', async () => {
  const log: string[] = [];
  const contender = (name: string, secondsPerImage: number): Contender => ({
    name,
    async run(images) {
      log.push(`${name}:${images.map(({ file }) => file).join('')}`);
      return {
        seconds: images.length * secondsPerImage,
        predictions: images.map(({ file }) => ({ file, lines: [] })),
      };
    },
    peakBytes: () => 0,
    async close() {},
  });
  const images = ['a', 'b', 'c'].map((file): BenchImage => ({
    file,
    path: file,
    bytes: Buffer.alloc(0),
    truth: undefined,
  }));
  const contenders = [contender('A', 0.5), contender('B', 0.25)];
  const { rounds, predictions } = await race(contenders, images, { chunk: 2, passes: 1, onRound: () => undefined });
  expect(log).toEqual(['A:ab', 'B:ab', 'B:c', 'A:c']);
  expect(rounds).toEqual([{ imagesPerSecond: [2, 4] }, { imagesPerSecond: [2, 4] }]);
  expect(predictions.map((read) => read.map(({ file }) => file))).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ]);
});
