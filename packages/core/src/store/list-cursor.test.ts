import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeCursor, parseCursor } from './list-cursor.ts';

test('a cursor comes back as what it was made of', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 36 ** 10 - 1 }), (seq) => {
      expect(parseCursor(encodeCursor(seq))).toBe(seq);
    }),
  );
});

test('any text is a cursor or refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        expect(encodeCursor(parseCursor(text))).toBe(text);
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_request' });
      }
    }),
  );
});
