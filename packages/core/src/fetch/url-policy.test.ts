import { describe, expect, test } from 'vitest';
import { createUrlPolicy } from './url-policy.ts';

const notAllowed = expect.objectContaining({ code: 'url_not_allowed', retryable: false }) as Error;

describe('createUrlPolicy', () => {
  const check = createUrlPolicy({ purpose: 'image' });

  test.each([
    'ftp://example.com/a.png',
    'file:///etc/passwd',
    'data:image/png;base64,AAAA',
    'gopher://example.com/',
    'javascript:alert(1)',
    'http://user:password@example.com/a.png',
    'https://user@example.com/a.png',
    'http://',
    'example.com/a.png',
    '',
  ])('refuses %s', (url) => {
    expect(() => check(url)).toThrow(notAllowed);
  });

  test.each(['http://example.com', 'https://example.com:8443/a.png?b=c', 'HTTP://EXAMPLE.COM/'])('allows %s', (url) => {
    expect(check(url).hostname).toBe('example.com');
  });

  test('reads a relative location against where it was found', () => {
    expect(check('../b.png', new URL('https://example.com/x/y/a.png')).href).toBe('https://example.com/x/b.png');
    expect(() => check('file:///etc/passwd', new URL('https://example.com/'))).toThrow(notAllowed);
  });

  test('speaks of what the URL is for', () => {
    expect(() => check('ftp://example.com/')).toThrow(/^The image URL /);
    expect(() => createUrlPolicy({ purpose: 'webhook' })('ftp://example.com/')).toThrow(/^The callback URL /);
  });

  test('keeps to the list of hosts', () => {
    const allowHosts = ['images.example.com', '*.cdn.example', '93.184.215.14', '2606:4700::1111'];
    const listed = createUrlPolicy({ purpose: 'image', allowHosts });
    for (const host of [
      'images.example.com',
      'IMAGES.example.com.',
      'a.cdn.example',
      'a.b.cdn.example',
      '93.184.215.14',
      '[2606:4700::1111]',
    ]) {
      expect(() => listed(`https://${host}/a.png`)).not.toThrow();
    }
    for (const host of ['example.com', 'cdn.example', 'xcdn.example', 'images.example.com.evil.example', '1.1.1.1']) {
      expect(() => listed(`https://${host}/a.png`)).toThrow(notAllowed);
    }
  });
});
