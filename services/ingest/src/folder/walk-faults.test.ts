import { expect, test } from 'vitest';
import { NotLookedAt, WalkFaults } from './walk-faults.ts';

const fault = (code: string) => Object.assign(new Error(code), { code });

test('all are counted, and a few told of, in a way that no screen is hurt by', () => {
  const faults = new WalkFaults();
  expect(faults.summary).toBeUndefined();
  faults.add('a\u001B[2J\u202E/\uFFFD.png', fault('ENOENT'));
  faults.add('locked', fault('EACCES'));
  faults.add('x'.repeat(3_000), new NotLookedAt('path_too_long'));
  for (let n = 0; n < 10; n += 1) faults.add(`${n}`, fault('EIO'));
  expect(faults.summary).toEqual({
    count: 13,
    examples: [
      { path: 'a\\u{1B}[2J\\u{202E}/\uFFFD.png', reason: 'name_not_utf8' },
      { path: 'locked', reason: 'forbidden' },
      { path: `${'x'.repeat(160)}…`, reason: 'path_too_long' },
      { path: '0', reason: 'unreadable' },
      { path: '1', reason: 'unreadable' },
    ],
  });
  expect(faults.reasons).toEqual(['name_not_utf8', 'forbidden', 'path_too_long', 'unreadable']);
});
