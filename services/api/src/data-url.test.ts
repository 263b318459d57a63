import { OcrError } from '@glyphmill/core/errors';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeDataUrl } from './data-url.ts';

const maxBytes = 1_000;
const someBytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
const mediaType = fc.constantFrom('', 'image/png', 'IMAGE/JPEG', 'text/plain;charset=utf-8', 'image/png;name=a b');
const percentEncode = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

function codeOf(url: string, limit = maxBytes): string {
  try {
    decodeDataUrl(url, limit);
    return 'fine';
  } catch (error) {
    return error instanceof OcrError ? error.code : 'not an OcrError';
  }
}

describe('bytes survive', () => {
  test('base64, padded or not, in either alphabet, with line breaks or escapes', () => {
    const spellings = fc.constantFrom<(base64: string) => string>(
      (base64) => base64,
      (base64) => base64.replace(/=+$/, ''),
      (base64) => base64.replaceAll('+', '-').replaceAll('/', '_'),
      (base64) => base64.replaceAll(/(.{20})/g, '$1\r\n'),
      (base64) => encodeURIComponent(base64),
    );
    fc.assert(
      fc.property(someBytes, mediaType, spellings, (bytes, type, spell) => {
        const url = `data:${type};base64,${spell(Buffer.from(bytes).toString('base64'))}`;
        expect(Buffer.from(decodeDataUrl(url, maxBytes)).equals(bytes)).toBe(true);
      }),
    );
  });

  test('percent-encoding', () => {
    fc.assert(
      fc.property(someBytes, mediaType, (bytes, type) => {
        expect(Buffer.from(decodeDataUrl(`data:${type},${percentEncode(bytes)}`, maxBytes)).equals(bytes)).toBe(true);
      }),
    );
  });
});

test('whatever comes is decoded within the limit or refused with a typed error', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('%', '=', 'A', ';base64', ',', '#', ' ', '4') }),
  );
  fc.assert(
    fc.property(hostile, fc.boolean(), (text, base64) => {
      const code = codeOf(`data:${base64 ? ';base64' : ''},${text}`, 20);
      expect(['fine', 'invalid_request', 'image_too_large', 'image_unreadable']).toContain(code);
    }),
  );
});

test('base64 is taken when all of its characters are base64, and only then', () => {
  const character = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom('A', 'B', 'z', '0', '9', '+', '/', '-', '_') },
    {
      weight: 1,
      arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((c) => !/[\s%#,=]/.test(c)),
    },
  );
  fc.assert(
    fc.property(fc.array(character, { minLength: 2, maxLength: 12 }), (characters) => {
      const text = characters.join('');
      fc.pre(text.length % 4 !== 1);
      expect(codeOf(`data:;base64,${text}`)).toBe(/^[A-Za-z0-9+/_-]+$/.test(text) ? 'fine' : 'invalid_request');
    }),
    { numRuns: 2_000 },
  );
});

describe('the limit', () => {
  const exactly = new Uint8Array(maxBytes).fill(7);
  const over = new Uint8Array(maxBytes + 1).fill(7);
  test.each([
    [`data:;base64,${Buffer.from(exactly).toString('base64')}`, 'fine'],
    [`data:;base64,${Buffer.from(over).toString('base64')}`, 'image_too_large'],
    [`data:,${percentEncode(exactly)}`, 'fine'],
    [`data:,${percentEncode(over)}`, 'image_too_large'],
  ])('%#', (url, code) => {
    expect(codeOf(url)).toBe(code);
  });
});

describe('malformed', () => {
  test.each([
    ['data:', 'invalid_request'],
    ['data:image/png;base64', 'invalid_request'],
    ['data:;base64,A', 'invalid_request'],
    ['data:;base64,AB=', 'invalid_request'],
    ['data:;base64,ABC==', 'invalid_request'],
    ['data:;base64,AB=A', 'invalid_request'],
    ['data:;base64,A?BC', 'invalid_request'],
    ['data:;base64,\u0141BCD', 'invalid_request'],
    ['data:;base64,%4', 'invalid_request'],
    ['data:;base64,%ff', 'invalid_request'],
    ['data:,%4', 'invalid_request'],
    ['data:,%zz', 'invalid_request'],
    ['data:,', 'image_unreadable'],
    ['data:;base64,', 'image_unreadable'],
    ['data:;base64,QUJD#fragment', 'fine'],
    ['DATA:;BASE64,QUJD', 'fine'],
    ['data:image/png; base64 ,QUJD', 'fine'],
  ])('%s: %s', (url, code) => {
    expect(codeOf(url)).toBe(code);
  });
});

test('a long run of padding takes no quadratic time', () => {
  expect(codeOf(`data:;base64,${'='.repeat(2_000_000)}`, 10_000_000)).toBe('invalid_request');
});
