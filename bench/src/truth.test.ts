import { expect, test } from 'vitest';
import { parseTruth } from './truth.ts';

test('reads boxes and texts with commas', () => {
  expect(parseTruth('1,2,11,2,11,8,1,9,NO. 5, JALAN X\r\n')).toEqual([
    { text: 'NO. 5, JALAN X', extent: [1, 2, 11, 9] },
  ]);
});

test('leaves out rows without text and empty rows', () => {
  expect(parseTruth('\n1,2,3,2,3,4,1,4, \n\n1,2,3,2,3,4,1,4,A')).toHaveLength(1);
});

test('says which row is none', () => {
  expect(() => parseTruth('1,2,3,TOTAL')).toThrow('1,2,3,TOTAL');
});
