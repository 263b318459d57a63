import { expect, test } from 'vitest';
import { formatFailure, formatJson, formatText } from './print-page.ts';

const page = {
  width: 200,
  height: 100,
  lines: [
    {
      text: 'STEAM',
      confidence: 0.996_94,
      box: [
        [1, 2],
        [50, 2],
        [50, 20],
        [1, 20],
      ],
    },
    {
      text: 'XR56L',
      confidence: 1,
      box: [
        [1, 30],
        [50, 30],
        [50, 50],
        [1, 50],
      ],
    },
  ],
  timings: { decode: 1.26, detect: 2, classify: 3, recognize: 4, total: 10.26 },
} as const;

test('text, with a header only where there are several', () => {
  expect(formatText({ label: 'a.png', page }, { header: false, first: true })).toBe('STEAM\nXR56L\n');
  expect(formatText({ label: 'a.png', page }, { header: true, first: true })).toBe('==> a.png <==\nSTEAM\nXR56L\n');
  expect(formatText({ label: 'b.png', page }, { header: true, first: false })).toMatch(/^\n==> b.png <==\n/);
  expect(
    formatText({ label: 'c.png', failure: { code: 'internal', message: '' } }, { header: true, first: true }),
  ).toBe('');
});

test('JSON with four decimals, on one line', () => {
  const line = formatJson({ label: 'a.png', page });
  expect(line.indexOf('\n')).toBe(line.length - 1);
  expect(JSON.parse(line)).toEqual({
    file: 'a.png',
    ...page,
    lines: [{ ...page.lines[0], confidence: 0.9969 }, page.lines[1]],
    timings: { ...page.timings, decode: 1.3, total: 10.3 },
  });
});

test('JSON of a failure', () => {
  const failure = { code: 'image_unreadable', message: 'The image is empty' } as const;
  expect(JSON.parse(formatJson({ label: 'a.png', failure }))).toEqual({ file: 'a.png', error: failure });
});

test('a file name cannot move the cursor', () => {
  const line = formatFailure('a\u001B[2J\nb', { code: 'file_not_found', message: 'No such file or folder' });
  expect(line).toBe('a?[2J?b: file_not_found: No such file or folder\n');
});
