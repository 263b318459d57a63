import { expect, test } from 'vitest';
import { WaitingFiles } from './waiting-files.ts';

function setUp({ capacity = 100 } = {}) {
  let now = 0;
  const files = new WaitingFiles({ settleMs: 100, capacity, now: () => now });
  return {
    files,
    pass: (ms: number) => (now += ms),
    take: (limit = 100) => files.take(limit).map(({ path }) => path),
  };
}

const file = (path: string, stamp = '1', bytes = 5) => ({ path, stamp, bytes });

test('a file is due once it has stayed the same for so long', () => {
  const { files, pass, take } = setUp();
  files.note(file('a'));
  pass(99);
  files.note(file('a'));
  expect(take()).toEqual([]);
  pass(1);
  expect(take()).toEqual(['a']);
  expect(take()).toEqual([]);
});

test('a file that grows is not due, and holds up no other', () => {
  const { files, pass, take } = setUp();
  files.note(file('growing'));
  files.note(file('b'));
  pass(60);
  files.note(file('growing', '2'));
  pass(60);
  expect(take()).toEqual(['b']);
  files.note(file('growing', '3'));
  pass(99);
  expect(take()).toEqual([]);
  pass(1);
  expect(take()).toEqual(['growing']);
});

test('an empty file is given more time', () => {
  const { files, pass, take } = setUp();
  files.note(file('empty', '1', 0));
  files.note(file('b'));
  pass(100);
  expect(take()).toEqual(['b']);
  pass(1_900);
  expect(take()).toEqual(['empty']);
});

test('one whose end is missing is given a minute since it grew last, and holds up no other', () => {
  const { files, pass, take } = setUp();
  const isUnfinished = () => {
    pass(100);
    files.putBack({ ...files.take(1)[0]!, patience: 'unfinished' });
  };
  files.note(file('half'));
  isUnfinished();
  pass(59_000);
  files.note(file('half', '2'));
  isUnfinished();
  files.note(file('other'));
  pass(59_999);
  files.note(file('half', '2'));
  expect(take()).toEqual(['other']);
  pass(1);
  expect(take()).toEqual(['half']);
});

test('one that has got its end is due as soon as any other', () => {
  const { files, pass, take } = setUp();
  files.note(file('half'));
  pass(100);
  files.putBack({ ...files.take(1)[0]!, patience: 'unfinished' });
  files.note(file('half', 'whole'));
  pass(100);
  expect(take()).toEqual(['half']);
});

test('a file in hand is nobody else’s, until it is done or put back', () => {
  const { files, pass, take } = setUp();
  files.note(file('a'));
  pass(100);
  const [inHand] = files.take(1);
  files.note(file('a', '2'));
  pass(100);
  expect(take()).toEqual([]);
  expect(files.size).toBe(1);
  files.putBack({ ...inHand!, stamp: '2' });
  pass(99);
  expect(take()).toEqual([]);
  pass(1);
  expect(take()).toEqual(['a']);
  files.done('a');
  expect(files.size).toBe(0);
  files.note(file('a', '2'));
  pass(100);
  expect(take()).toEqual(['a']);
});

test('they are taken in their order, and no more wait than there is room for', () => {
  const { files, pass, take } = setUp({ capacity: 3 });
  expect(['a', 'b', 'c', 'd'].map((path) => files.note(file(path)))).toEqual([true, true, true, false]);
  pass(100);
  expect(take(2)).toEqual(['a', 'b']);
  expect(files.note(file('d'))).toBe(false);
  files.done('a');
  expect(files.note(file('d'))).toBe(true);
  expect(take()).toEqual(['c']);
});

test('what failed before is tried again, if that is asked for', () => {
  const { files, pass } = setUp();
  files.note(file('a'));
  files.noteRepeat(file('a'));
  files.note(file('a'));
  pass(100);
  expect(files.take(1)).toEqual([{ ...file('a'), isRepeat: true, patience: 'none' }]);
});

test('who waits for work is woken by a new file', async () => {
  const files = new WaitingFiles({ settleMs: 10, capacity: 10 });
  const waiting = files.whenDue(60_000, new AbortController().signal);
  files.note(file('a'));
  await waiting;
  await files.whenDue(60_000, new AbortController().signal);
  await expect.poll(() => files.take(1)).toHaveLength(1);
});
