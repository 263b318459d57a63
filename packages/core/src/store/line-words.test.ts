import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldWords, queryWords } from './line-words.ts';

test.each([
  ['', []],
  [' .,-_()"\'\\ ', []],
  ['The Quick fox', ['the', 'quick', 'fox']],
  ['Crème brûlée', ['creme', 'brulee']],
  ['Cre\u0300me', ['creme']],
  ['STRASSE Straße', ['strasse', 'strasse']],
  ['İstanbul', ['istanbul']],
  ['ﬁne ½ ² Ⅳ', ['fine', '1', '2', '2', 'iv']],
  ['a-b_c/d@e.f', ['a', 'b', 'c', 'd', 'e', 'f']],
  ['東京タワー3F', ['東', '京', 'タ', 'ワ', 'ー', '3f']],
  ['한국어 안녕', ['한국어', '안녕']],
  ['Привет, мир', ['привет', 'мир']],
  ['NUL\0and\uD800half', ['nul', 'and', 'half']],
])('%j', (text, words) => {
  expect(foldWords(text)).toEqual(words);
});

test('words hold letters and digits only, are short, and stay as they are when folded again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      for (const word of foldWords(text)) {
        expect(word).toMatch(/^[\p{L}\p{N}]{1,64}$/u);
        expect(foldWords(word)).toEqual([word]);
      }
    }),
    { numRuns: 2000 },
  );
});

test('ASCII is folded as it is among other text', () => {
  const ascii = fc.string({ unit: 'binary-ascii', maxLength: 200 });
  fc.assert(
    fc.property(fc.oneof(ascii, fc.stringMatching(/^[a-zA-Z0-9 ]{0,200}$/)), (text) => {
      expect([...foldWords(text), 'e']).toEqual(foldWords(`${text} é`));
    }),
    { numRuns: 2000 },
  );
});

test('a query has a limited number of words', () => {
  expect(queryWords('word '.repeat(1000))).toHaveLength(32);
});
