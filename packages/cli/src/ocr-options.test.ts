import { describe, expect, test } from 'vitest';
import { UsageError } from './command-line.ts';
import { parseOcrArguments } from './ocr-options.ts';

describe('parseOcrArguments', () => {
  test('defaults', () => {
    expect(parseOcrArguments(['a.png', '-'])).toEqual({
      kind: 'run',
      options: {
        inputs: ['a.png', '-'],
        json: false,
        boxes: undefined,
        model: 'small',
        precision: 'auto',
        minConfidence: 0.5,
        processes: undefined,
      },
    });
  });

  test('all options, before and after the files', () => {
    const args = ['--model', 'tiny', '--precision=fp32', 'a.png', '--json', '--boxes=out'];
    expect(parseOcrArguments([...args, '--min-confidence', '0', '--processes', '3'])).toEqual({
      kind: 'run',
      options: {
        inputs: ['a.png'],
        json: true,
        boxes: 'out',
        model: 'tiny',
        precision: 'fp32',
        minConfidence: 0,
        processes: 3,
      },
    });
  });

  test('help and version need no file', () => {
    expect(parseOcrArguments(['-h'])).toEqual({ kind: 'help' });
    expect(parseOcrArguments(['--version'])).toEqual({ kind: 'version' });
  });

  test.each([
    { args: [], says: 'at least one' },
    { args: ['-', '-'], says: 'once' },
    { args: [''], says: 'empty' },
    { args: ['a', '--model', 'huge'], says: '--model' },
    { args: ['a', '--precision', 'int4'], says: '--precision' },
    { args: ['a', '--min-confidence', '1.5'], says: '--min-confidence' },
    { args: ['a', '--min-confidence', ''], says: '--min-confidence' },
    { args: ['a', '--processes', '0'], says: '--processes' },
    { args: ['a', '--processes', '1.5'], says: '--processes' },
    { args: ['a', '--boxes', ''], says: '--boxes' },
    { args: ['a', '--unknown'], says: '--unknown' },
  ])('refuses $args', ({ args, says }) => {
    expect(() => parseOcrArguments(args)).toThrow(UsageError);
    expect(() => parseOcrArguments(args)).toThrow(says);
  });
});
