import { expect, test } from 'vitest';
import { UsageError } from '../command-line.ts';
import { ingestActions, parseIngestArguments } from './ingest-options.ts';

test.each(ingestActions)('%s', (action) => {
  expect(parseIngestArguments([action])).toEqual({ kind: 'run', action, socket: undefined, json: false });
  expect(parseIngestArguments(['--json', action, '--socket', '/a/b.sock'])).toEqual({
    kind: 'run',
    action,
    socket: '/a/b.sock',
    json: true,
  });
});

test.each([['--help'], ['-h'], ['help'], ['status', '--help']])('%s: help', (...args) => {
  expect(parseIngestArguments(args)).toEqual({ kind: 'help' });
});

test.each([[], ['stop'], ['status', 'scan'], ['status', '--socket', ''], ['status', '--url=x']])(
  'refuses %s',
  (...args) => {
    expect(() => parseIngestArguments(args)).toThrow(UsageError);
  },
);
