import { describe, expect, test } from 'vitest';
import { UsageError } from '../command-line.ts';
import { resolveConnection } from './api-connection.ts';

describe('resolveConnection', () => {
  test.each([
    [undefined, {}, 'http://127.0.0.1:8000/'],
    [undefined, { GLYPHMILL_URL: '' }, 'http://127.0.0.1:8000/'],
    [undefined, { GLYPHMILL_URL: 'https://ocr.example.com' }, 'https://ocr.example.com/'],
    ['http://a.test/ocr', { GLYPHMILL_URL: 'https://ocr.example.com' }, 'http://a.test/ocr/'],
    ['http://a.test/ocr/', {}, 'http://a.test/ocr/'],
  ])('%s and %o: %s', (url, variables, expected) => {
    const { baseUrl, authorization } = resolveConnection(url, variables);
    expect(baseUrl.href).toBe(expected);
    expect(authorization).toBeUndefined();
  });

  test('credentials come from the environment, whatever letters they have', () => {
    const { authorization } = resolveConnection(undefined, { GLYPHMILL_USERNAME: 'a', GLYPHMILL_PASSWORD: 'ü:b' });
    expect(Buffer.from(authorization!.replace('Basic ', ''), 'base64').toString()).toBe('a:ü:b');
  });

  test.each([
    ['ftp://a.test', {}, 'http:'],
    ['a.test:8000', {}, 'http:'],
    ['http://swordfish:swordfish@a.test', {}, 'credentials'],
    ['http://a.test/?key=swordfish', {}, 'query'],
    [undefined, { GLYPHMILL_URL: 'swordfish' }, 'GLYPHMILL_URL'],
    [undefined, { GLYPHMILL_PASSWORD: 'swordfish' }, 'GLYPHMILL_USERNAME'],
    [undefined, { GLYPHMILL_USERNAME: 'a:swordfish', GLYPHMILL_PASSWORD: 'b' }, 'colon'],
  ])('refuses %s and %o without repeating it', (url, variables, says) => {
    const resolve = () => resolveConnection(url, variables);
    expect(resolve).toThrow(UsageError);
    expect(resolve).toThrow(says);
    expect(resolve).not.toThrow('swordfish');
  });
});
