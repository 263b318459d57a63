import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldWords, queryWords } from '../line-words.ts';
import { holdsWords, wordSpans } from './word-spans.ts';

/** Which sigma a capital becomes depends on whether a word goes on, and a span may end before. */
const oneSigma = (word: string): string => word.replaceAll('ς', 'σ');

/** The text with its hits in brackets. */
function marked(text: string, query: string): string {
  let shown = '';
  let at = 0;
  for (const [start, end] of wordSpans(text, queryWords(query))) {
    shown += `${text.slice(at, start)}[${text.slice(start, end)}]`;
    at = end;
  }
  return shown + text.slice(at);
}

test.each([
  ['The quick brown fox', 'quick', 'The [quick] brown fox'],
  ['The quick brown fox', 'FOX brown q', 'The [q]uick [brown] [fox]'],
  ['one once only', 'on', '[on]e [on]ce [on]ly'],
  ['on one', 'on on', '[on] [on]e'],
  ['Crème brûlée, 4 €', 'brulee cre', '[Crè]me [brûlée], 4 €'],
  ['Cre\u0300me', 'creme', '[Cre\u0300me]'],
  ['Straße 12', 'strass', '[Straß]e 12'],
  ['İstanbul', 'istan', '[İstan]bul'],
  ['ΕΛΛΆΣ και', 'ελλας', '[ΕΛΛΆΣ] και'],
  ['東京都', '京都', '東[京都]'],
  ['서울 특별시', '서울', '[서울] 특별시'],
  ['\u1109\u1165\u110B\u116E\u11AF', '서울', '[\u1109\u1165\u110B\u116E\u11AF]'],
  ['ﬁne ½', 'fi', '[ﬁ]ne ½'],
  ['👍🏽 ok 👍', 'ok', '👍🏽 [ok] 👍'],
  ['<b>bold</b>', 'bold b', '<[b]>[bold]</[b]>'],
  ['nothing here', 'else', 'nothing here'],
  ['nothing here', '…', 'nothing here'],
])('in %j the words of %j are %j', (text, query, expected) => {
  expect(marked(text, query)).toBe(expected);
});

describe('whatever is in a line', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(...Array.from('aİıßΣςσ ﬁ½가각ㄱㅏ각\u0301\u0307ｶﾞ東-\uD800')), maxLength: 20 }),
  );

  test('each of its words is found where it stands', () => {
    fc.assert(
      fc.property(text, (line) => {
        for (const word of foldWords(line)) {
          expect(holdsWords(line, [word])).toBe(true);
          const spans = wordSpans(line, [word]);
          expect(spans.length).toBeGreaterThan(0);
          let last = -1;
          for (const [start, end] of spans) {
            expect(start).toBeGreaterThan(last);
            expect(end).toBeGreaterThan(start);
            expect(end).toBeLessThanOrEqual(line.length);
            last = end;
            const hits = foldWords(line.slice(start, end)).map((hit) => oneSigma(hit));
            expect(hits.some((hit) => hit.startsWith(oneSigma(word)))).toBe(true);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('of each word each beginning is found', () => {
    fc.assert(
      fc.property(text, fc.nat(), fc.nat(), (line, which, cut) => {
        const words = foldWords(line);
        if (words.length === 0) return;
        const characters = [...words[which % words.length]!];
        const beginning = characters.slice(0, 1 + (cut % characters.length)).join('');
        expect(wordSpans(line, [beginning]).length).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
  });
});
