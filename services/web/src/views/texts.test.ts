import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clipText, pageBytes } from './clip-text.ts';
import { levelOf, percent } from './confidence.ts';
import { html, type Markup } from './markup.ts';
import { markedText } from './marked-text.ts';
import { byteSize, duration } from './quantities.ts';
import { plainName } from './source-name.ts';

/** Nothing here holds a promise, so that it is a text already. */
const written = (markup: Markup) => (markup as string).valueOf();

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('"', '😀', 'a', '&', '\uD83D', '\0', '\u202E') }),
);

describe('a clipped text', () => {
  test.each([
    ['abc', 100, 'abc'],
    ['abcdef', 3, 'abc…'],
    ['""""', 13, '""…'],
    ['😀😀', 7, '😀…'],
    ['', 0, ''],
  ])('%j in %d bytes is %j', (text, bytes, clipped) => {
    expect(clipText(text, bytes)).toBe(clipped);
  });

  test('is a beginning of it that fits', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 60 }), (text, bytes) => {
        const clipped = clipText(text, bytes);
        if (clipped === text) return;
        expect(clipped.endsWith('…')).toBe(true);
        expect(text.startsWith(clipped.slice(0, -1))).toBe(true);
        expect(pageBytes(clipped.slice(0, -1))).toBeLessThanOrEqual(bytes);
        expect(pageBytes(text)).toBeGreaterThan(bytes);
      }),
    );
  });

  test('weighs what the page weighs', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(pageBytes(text)).toBe(Buffer.byteLength(written(html`${text}`)));
      }),
    );
  });
});

describe('a marked text', () => {
  const marked = (text: string, spans: [number, number][], maxBytes = 1_000) =>
    written(html`${markedText({ text, spans, maxBytes })}`);

  test.each([
    ['abc', [], 'abc'],
    ['abc', [[0, 1]], '<mark>a</mark>bc'],
    ['abc', [[0, 3]], '<mark>abc</mark>'],
    [
      'a<c>d',
      [
        [1, 2],
        [4, 5],
      ],
      'a<mark>&lt;</mark>c&gt;<mark>d</mark>',
    ],
    ['abc', [[2, 9]], 'ab<mark>c</mark>'],
  ] as [string, [number, number][], string][])('%j with %j is %s', (text, spans, expected) => {
    expect(marked(text, spans)).toBe(expected);
  });

  test('of a long line shows the first hit', () => {
    const text = `${'x'.repeat(5_000)} needle ${'y'.repeat(5_000)}`;
    expect(marked(text, [[5_001, 5_007]], 200)).toMatch(/^…x{39} <mark>needle<\/mark> y+…$/);
  });

  test('is the text itself but for the marks', () => {
    const spans = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 6 }).map((cuts) => {
      const sorted = [...new Set(cuts)].toSorted((a, b) => a - b);
      return Array.from(
        { length: sorted.length >> 1 },
        (_, index) => [sorted[2 * index]!, sorted[2 * index + 1]!] as [number, number],
      );
    });
    fc.assert(
      fc.property(anyText, spans, (text, found) => {
        expect(marked(text, found, 100_000).replaceAll(/<\/?mark>/g, '')).toBe(written(html`${text}`));
      }),
    );
  });
});

test.each([
  [0, '0 ms'],
  [999.6, '1000 ms'],
  [1_234, '1 s'],
  [65_000, '1 min 5 s'],
  [3_600_000, '1 h'],
  [90_061_000, '1 d 1 h'],
])('%d ms last %s', (ms, words) => {
  expect(duration(ms)).toBe(words);
});

test.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1_500, '1.5 kB'],
  [123_456_789, '123 MB'],
  [5e15, '5000 TB'],
])('%d are %s', (bytes, words) => {
  expect(byteSize(bytes)).toBe(words);
});

test.each([
  [1, '100%', 'high'],
  [0.999, '99%', 'high'],
  [0.9, '90%', 'high'],
  [0.89, '89%', 'medium'],
  [0.7499, '74%', 'low'],
  [0.29, '29%', 'low'],
  [0, '0%', 'low'],
])('a confidence of %d is %s, %s', (confidence, words, level) => {
  expect([percent(confidence), levelOf(confidence)]).toEqual([words, level]);
});

test('a name in a title turns nothing around', () => {
  expect(plainName(['a\u202Egnp.exe\nb'])).toBe('a gnp.exe b');
  expect(plainName([])).toBe('Picture without a name');
});
