import { expect, test } from 'vitest';
import { numberedName } from './numbered-name.ts';

test.each([
  ['scan.png', 1, 'scan.png'],
  ['scan.png', 2, 'scan (2).png'],
  ['a.b.jpeg', 12, 'a.b (12).jpeg'],
  ['noext', 3, 'noext (3)'],
])('%s, %i: %s', (name, number, expected) => {
  expect(numberedName(name, number)).toBe(expected);
});
