import { expect, test } from 'vitest';
import { describeWorkerEnd } from './worker-end.ts';

const pod = { metadata: { name: 'w' }, spec: { containers: [] } };
const log = (...lines: object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const asked = { msg: 'Draining' };
const page = { msg: 'page' };

test('pages in hand at the end are finished or given back', () => {
  const lines = log(page, asked, page, page, { msg: 'The worker is drained', unfinished: 1 });
  expect(describeWorkerEnd({ pod, exit: { code: 0, signal: null }, log: lines })).toEqual({
    pod: 'w',
    hasDrained: true,
    finishedMeanwhile: 2,
    givenBack: 1,
  });
});

test('one that was killed has not drained', () => {
  expect(describeWorkerEnd({ pod, exit: { code: null, signal: 'SIGKILL' }, log: log(page, asked) })).toEqual({
    pod: 'w',
    hasDrained: false,
    finishedMeanwhile: 0,
    givenBack: undefined,
  });
});
