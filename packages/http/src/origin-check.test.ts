import { describe, expect, test } from 'vitest';
import { isAllowedOrigin } from './origin-check.ts';

const host = 'localhost:8000';
const own = 'http://localhost:8000';
const foreign = 'http://evil.example';

describe('a request by its origin', () => {
  test.each([
    // method, Origin, Sec-Fetch-Site, allowed
    ['POST', undefined, undefined, true],
    ['POST', own, undefined, true],
    ['POST', 'https://localhost:8000', undefined, true],
    ['POST', own, 'same-origin', true],
    ['POST', undefined, 'none', true],
    ['POST', undefined, 'cross-site', false],
    ['POST', own, 'cross-site', false],
    ['POST', 'http://localhost:3000', 'same-site', false],
    ['POST', 'http://localhost:3000', undefined, false],
    ['POST', 'http://localhost', undefined, false],
    ['POST', foreign, undefined, false],
    ['POST', foreign, 'cross-site', false],
    ['POST', 'null', undefined, false],
    ['POST', 'file://', undefined, false],
    ['POST', 'http://localhost:8000.evil.example', undefined, false],
    ['POST', '', undefined, false],
    ['DELETE', foreign, undefined, false],
    ['PUT', foreign, undefined, false],
    ['OPTIONS', foreign, undefined, false],
    ['GET', foreign, 'cross-site', true],
    ['HEAD', foreign, 'cross-site', true],
  ])('%s from %s (%s): %s', (method, origin, secFetchSite, allowed) => {
    expect(isAllowedOrigin({ method, host, origin, secFetchSite })).toBe(allowed);
  });

  test('default ports need not be written', () => {
    const from = (origin: string, to: string) =>
      isAllowedOrigin({ method: 'POST', host: to, origin, secFetchSite: undefined });
    expect(from('https://ocr.example', 'ocr.example:443')).toBe(true);
    expect(from('http://ocr.example', 'ocr.example:80')).toBe(true);
    expect(from('http://ocr.example', 'ocr.example:443')).toBe(false);
  });
});
