import { describe, expect, test } from 'vitest';
import { UsageError } from '../command-line.ts';
import { parseJobsArguments } from './jobs-options.ts';

const id = '0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21';
const other = '0199d3a8-6f2d-7aa0-8c11-6f2d0e9b4a55';
const words = (text: string) => text.split(' ').filter((word) => word !== '');
const parse = (text: string) => parseJobsArguments(words(text));
const command = (text: string) => {
  const request = parse(text);
  return request.kind === 'run' ? request.command : request;
};

describe('parseJobsArguments', () => {
  test('submit', () => {
    expect(command('submit a.png scans https://a.test/1.png')).toEqual({
      name: 'submit',
      inputs: ['a.png', 'scans', 'https://a.test/1.png'],
      options: { priority: undefined, metadata: undefined, callbackUrl: undefined, deadlineMs: undefined },
      idempotencyKey: undefined,
      wait: undefined,
    });
    expect(
      command(
        'submit --priority 0 --metadata a=1 --metadata b=x=y --callback-url http://a --deadline-ms 5 --idempotency-key k --wait --timeout 1.5 -',
      ),
    ).toEqual({
      name: 'submit',
      inputs: ['-'],
      options: { priority: 0, metadata: { a: '1', b: 'x=y' }, callbackUrl: 'http://a', deadlineMs: 5 },
      idempotencyKey: 'k',
      wait: { timeoutMs: 1500 },
    });
  });

  test.each([
    ['list', { states: [], batch: undefined, limit: 50 }],
    ['list --all', { states: [], batch: undefined, limit: Number.POSITIVE_INFINITY }],
    ['list --state failed,queued --state failed', { states: ['failed', 'queued'], batch: undefined, limit: 50 }],
    [`list --limit 7 --batch ${id.toUpperCase()}`, { states: [], batch: id, limit: 7 }],
  ])('%s', (text, options) => {
    expect(command(text)).toEqual({ name: 'list', ...options });
  });

  test.each(['show', 'cancel', 'retry'])('%s names jobs, each once', (name) => {
    expect(command(`${name} ${id} ${other} ${id}`)).toEqual({ name, ids: [id, other] });
  });

  test('retry of all', () => {
    expect(command('retry --all-failed')).toEqual({ name: 'retry-failed', batch: undefined });
    expect(command(`retry --all-failed --batch ${id}`)).toEqual({ name: 'retry-failed', batch: id });
  });

  test('wait', () => {
    expect(command(`wait ${id}`)).toEqual({
      name: 'wait',
      ids: [id],
      batches: [],
      options: { timeoutMs: undefined },
    });
    expect(command(`wait --batch ${id} --batch ${other} --timeout 60`)).toEqual({
      name: 'wait',
      ids: [],
      batches: [id, other],
      options: { timeoutMs: 60_000 },
    });
  });

  test('what all commands take', () => {
    expect(parse('list --json --url http://a.test')).toMatchObject({ json: true, url: 'http://a.test' });
    for (const text of ['--help', 'help', 'submit -h', 'wait --help']) expect(parse(text)).toEqual({ kind: 'help' });
  });

  test.each([
    ['', 'submit, list'],
    ['delete', 'submit, list'],
    ['submit', 'at least one'],
    ['submit - -', 'once'],
    ['submit a --priority 1001', '--priority'],
    ['submit a --priority 1.5', '--priority'],
    ['submit a --priority=', '--priority'],
    ['submit a --metadata order', 'KEY=VALUE'],
    ['submit a --metadata =1', 'KEY=VALUE'],
    ['submit a --metadata a=1 --metadata a=2', 'twice'],
    ['submit a --deadline-ms 0', '--deadline-ms'],
    ['submit a --idempotency-key ä', '--idempotency-key'],
    [`submit a --idempotency-key ${'k'.repeat(241)}`, '--idempotency-key'],
    ['submit a --timeout 5', '--wait'],
    ['submit a --password x', '--password'],
    ['list --state lost', '--state'],
    ['list --limit 0', '--limit'],
    ['list --limit 1 --all', '--all'],
    ['list --batch 5', 'batch'],
    ['list all', 'no all'],
    ['show', 'at least one job'],
    ['show ../livez', 'no id'],
    ['cancel --all', '--all'],
    ['retry', 'at least one job'],
    [`retry --all-failed ${id}`, 'takes no'],
    [`retry ${id} --batch ${id}`, '--all-failed'],
    ['wait', 'at least one job'],
    [`wait ${id} --timeout 0`, '--timeout'],
  ])('refuses: %s', (text, says) => {
    expect(() => parse(text)).toThrow(UsageError);
    expect(() => parse(text)).toThrow(says);
  });
});
