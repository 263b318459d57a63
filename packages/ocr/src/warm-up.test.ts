import { expect, it } from 'vitest';
import type { Model } from './model.ts';
import type { Networks } from './pipeline.ts';
import { paddedWidth } from './text-recognizer.ts';
import { warmUp } from './warm-up.ts';

function counting(runMs = 0): Model & { readonly shapes: string[] } {
  const shapes: string[] = [];
  return {
    shapes,
    run({ data, dims }) {
      expect(data).toHaveLength(dims.reduce((product, side) => product * side, 1));
      shapes.push(dims.join());
      return new Promise((resolve) => setTimeout(() => resolve([]), runMs));
    },
    close: () => Promise.resolve(),
  };
}

function fakes(runMs = 0) {
  const [detector, classifier, recognizer] = [counting(runMs), counting(runMs), counting(runMs)];
  const networks: Networks = {
    detector,
    boxes: { binThreshold: 0.2, boxThreshold: 0.4, unclipRatio: 1.4 },
    classifier: { model: classifier, threshold: 0.9 },
    recognizer: { model: recognizer, characters: [''], widthStep: 64 },
  };
  return { networks, detector, classifier, recognizer };
}

it('tries what pages bring: usual pages, and lines of usual widths in batches of every size', async () => {
  const { networks, detector, classifier, recognizer } = fakes();
  const shapes = await warmUp(networks, { maxBatchSize: 6, budgetMs: 60_000 });
  for (const shape of ['1,3,1280,896', '1,3,448,320']) expect(detector.shapes).toContain(shape);
  expect(classifier.shapes).toEqual(['1,3,48,192', '2,3,48,192', '4,3,48,192', '6,3,48,192']);
  const seen = new Set(recognizer.shapes);
  for (const size of [1, 2, 4, 6]) {
    for (let width = 1; width <= 700; width += 50) expect(seen).toContain(`${size},3,48,${paddedWidth(width, 64)}`);
  }
  expect(shapes).toBe(detector.shapes.length + classifier.shapes.length + recognizer.shapes.length);
});

it('ends when its time is over', async () => {
  const { networks } = fakes(20);
  expect(await warmUp(networks, { maxBatchSize: 64, budgetMs: 50 })).toBeLessThan(10);
});

it('tries no batch that there will be none of', async () => {
  const { networks, recognizer } = fakes();
  const pixels = { detector: 2e6, classifier: 1e5, recognizer: 4 * 48 * 256 };
  await warmUp(networks, { maxBatchSize: 8, pixels, budgetMs: 60_000 });
  expect(recognizer.shapes).toContain('4,3,48,256');
  expect(recognizer.shapes).toContain('1,3,48,768');
  expect(recognizer.shapes).not.toContain('8,3,48,256');
});

it('says which network does not run', async () => {
  const { networks } = fakes();
  const detector: Model = { run: () => Promise.reject(new Error('out of memory')), close: () => Promise.resolve() };
  await expect(warmUp({ ...networks, detector }, { maxBatchSize: 1, budgetMs: 1_000 })).rejects.toMatchObject({
    code: 'engine_failed',
    message: 'The detector does not run on [1, 3, 1280, 896]: out of memory',
  });
});
