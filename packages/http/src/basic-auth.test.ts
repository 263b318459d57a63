import { describe, expect, test } from 'vitest';
import { parseAuthorization } from './basic-auth.ts';

const basic = (text: string, encoding: BufferEncoding = 'utf8') =>
  `Basic ${Buffer.from(text, encoding).toString('base64')}`;

describe('an Authorization header', () => {
  test.each([
    [basic('a:b'), { username: 'a', password: 'b' }],
    [basic('a:b').replace('Basic', 'bAsIc'), { username: 'a', password: 'b' }],
    [basic('a:b:c'), { username: 'a', password: 'b:c' }],
    [basic('a:'), { username: 'a', password: '' }],
    [basic('ü:ö'), { username: 'ü', password: 'ö' }],
    [basic('ü:ö', 'latin1'), undefined],
    [basic('no colon'), undefined],
    ['Basic', undefined],
    ['Basic ', undefined],
    ['Basic !!!', undefined],
    ['Bearer YTpi', undefined],
    ['', undefined],
  ])('%s', (header, expected) => {
    expect(parseAuthorization(header)).toEqual(expected);
  });
});
