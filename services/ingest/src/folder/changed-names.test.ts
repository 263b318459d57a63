import { expect, test } from 'vitest';
import { ChangedNames } from './changed-names.ts';

test('names are gathered by their folder, once each, and taken once', () => {
  const changed = new ChangedNames();
  changed.add('', 'a.png');
  changed.add('sub', 'a.png');
  changed.add('', 'a.png');
  changed.add('', 'b.png');
  expect(changed.isEmpty).toBe(false);
  expect(changed.take()).toEqual([
    { folder: '', names: ['a.png', 'b.png'] },
    { folder: 'sub', names: ['a.png'] },
  ]);
  expect(changed.isEmpty).toBe(true);
  expect(changed.take()).toEqual([]);
});

test('too many names, or a change without one, ask for a look at everything', () => {
  const changed = new ChangedNames();
  for (let n = 0; n < 5_000; n += 1) changed.add('', `${n}.png`);
  expect(changed.isOverflowing).toBe(false);
  changed.add('', 'one more.png');
  expect(changed.isOverflowing).toBe(true);
  changed.clear();
  changed.add('', undefined);
  expect(changed).toMatchObject({ isOverflowing: true, isEmpty: false });
});
