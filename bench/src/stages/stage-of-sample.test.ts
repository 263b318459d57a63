import type { Profiler } from 'node:inspector';
import { expect, test } from 'vitest';
import { sharesOfStages } from './stage-of-sample.ts';

/** A profile of stacks, outermost function first, each of which was seen for so many microseconds. */
function profileOf(stacks: readonly { readonly stack: readonly string[]; readonly time: number }[]): Profiler.Profile {
  const nodes: (Profiler.ProfileNode & { children: number[] })[] = [node(1, '(root)')];
  const samples: number[] = [];
  for (const { stack } of stacks) {
    let parent = nodes[0]!;
    for (const frame of stack) {
      const child = node(nodes.length + 1, frame);
      parent.children.push(child.id);
      nodes.push(child);
      parent = child;
    }
    samples.push(parent.id);
  }
  return { nodes, samples, timeDeltas: stacks.map(({ time }) => time), startTime: 0, endTime: 0 };
}

/** `name@url` */
function node(id: number, frame: string): Profiler.ProfileNode & { children: number[] } {
  const [functionName = '', url = ''] = frame.split('@');
  return { id, callFrame: { functionName, scriptId: '0', url, lineNumber: 0, columnNumber: 0 }, children: [] };
}

const source = 'file:///project/packages/ocr/src';
const runtime = 'file:///project/node_modules/onnxruntime-node/dist/backend.js';

test('tells native runs of a network from what is around them, and counts no idle time', () => {
  const shares = sharesOfStages(
    profileOf([
      { stack: [`run@${runtime}`, `@${runtime}`, '@'], time: 600 },
      { stack: [`run@${runtime}`], time: 50 },
      { stack: ['(idle)'], time: 5000 },
      { stack: [`run@${source}/model.ts`, 'run@node:internal/timers'], time: 150 },
      { stack: ['(garbage collector)'], time: 200 },
    ]),
  );
  expect(Object.fromEntries(shares)).toEqual({
    'model runs': 0.6,
    'calls of networks': 0.2,
    'garbage collection': 0.2,
  });
});

test('counts what a stage calls to it, the innermost stage first', () => {
  const detect = `detectText@${source}/text-detector.ts`;
  const shares = sharesOfStages(
    profileOf([
      { stack: [detect, `writePlanes@${source}/normalize.ts`], time: 1 },
      { stack: [detect, `boxesFromBitmap@${source}/boxes-from-bitmap.ts`, 'hypot@'], time: 2 },
      { stack: [detect], time: 3 },
      { stack: [`recognizeLine@${source}/text-recognizer.ts`, `cropLine@${source}/crop.ts`, 'fill@'], time: 4 },
    ]),
  );
  expect(Object.fromEntries(shares)).toEqual({ normalize: 0.1, boxes: 0.2, 'everything else': 0.3, crops: 0.4 });
});

test('knows nothing where nothing was seen', () => {
  expect(sharesOfStages(profileOf([]))).toEqual(new Map());
});
