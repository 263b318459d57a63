import { OcrError } from '@glyphmill/core/errors';
import { momentIn, Term, TermOver } from '@glyphmill/core/leader';
import type { Logger } from '@glyphmill/core/logging';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runTaskLoop, type UpkeepTask } from './task-loop.ts';

let logged: string[];
let stopping: AbortController;

beforeEach(() => {
  logged = [];
  stopping = new AbortController();
});
afterEach(() => {
  stopping.abort();
});

const at = (level: string) => (fields: object, message: string) => {
  logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
};
const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } as unknown as Logger;

/** Runs the task until it has run `runs` times. */
async function runTimes(runs: number, run: (n: number, term: Term) => Promise<void>): Promise<void> {
  let ran = 0;
  const task: UpkeepTask = {
    name: 'test',
    everyMs: 1,
    async run(term) {
      ran += 1;
      if (ran === runs) stopping.abort();
      await run(ran, term);
    },
  };
  const leader = { term: () => Promise.resolve(new Term(momentIn(60_000))) };
  await runTaskLoop({ task, leader, logger, signal: stopping.signal });
}

test('a failure is told once, however often it comes, and so is its end', async () => {
  await runTimes(12, (n) => (n <= 5 || n === 10 ? Promise.reject(new Error('quotes hush')) : Promise.resolve()));
  expect(logged.map((line) => line.split(' {')[0])).toEqual([
    'error Upkeep fails',
    'info Upkeep works again',
    'error Upkeep fails',
    'info Upkeep works again',
  ]);
  expect(logged.join()).not.toContain('hush');
  expect(logged[0]).toContain('task-loop.test.ts');
});

test.each(['queue_unavailable', 'store_unavailable'] as const)('%s is no alarm', async (code) => {
  await runTimes(5, (n) => (n < 5 ? Promise.reject(new OcrError(code, 'Away')) : Promise.resolve()));
  expect(logged.filter((line) => /^(warn|error)/.test(line))).toEqual([]);
});

test('what fails since the term is over is no failure', async () => {
  await runTimes(3, (n, term) => {
    term.end('for a test');
    return Promise.reject(n === 1 ? new TermOver('over') : new Error('cut off'));
  });
  expect(logged).toEqual([]);
});
