import { describe, expect, test } from 'vitest';
import { hostRule, isAllowedHost } from './host-check.ts';

const loopback = hostRule({ allowedHosts: [], bindAddress: '127.0.0.1' });
const listed = hostRule({ allowedHosts: ['ocr.example.com', 'fd00::1'], bindAddress: '0.0.0.0' });
const everywhere = hostRule({ allowedHosts: [], bindAddress: '0.0.0.0' });

describe('a host', () => {
  test.each([
    ['localhost', true],
    ['localhost:8000', true],
    ['LOCALHOST:8000', true],
    ['localhost.:8000', true],
    ['127.0.0.1', true],
    ['127.0.0.1:1', true],
    ['[::1]', true],
    ['[::1]:8000', true],
    ['::1', false],
    ['evil.example', false],
    ['evil.example:8000', false],
    ['localhost.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['evil.example@localhost', false],
    ['localhost@evil.example', false],
    ['localhost/evil.example', false],
    ['localhost:8000:8000', false],
    ['localhost:', false],
    ['localhost:80a', false],
    ['0.0.0.0', false],
    ['2130706433', false],
    ['[::ffff:127.0.0.1]', false],
    ['', false],
    [' ', false],
  ])('%j of a service on loopback: %s', (host, allowed) => {
    expect(isAllowedHost(loopback, host)).toBe(allowed);
  });

  test.each([
    ['ocr.example.com', true],
    ['ocr.example.com:443', true],
    ['OCR.Example.com', true],
    ['[fd00::1]:8000', true],
    ['localhost', false],
    ['x.ocr.example.com', false],
  ])('%j of a service with a list: %s', (host, allowed) => {
    expect(isAllowedHost(listed, host)).toBe(allowed);
  });

  test.each([
    ['ocr', true],
    ['10.0.0.7:8000', true],
    ['a b', false],
    ['', false],
  ])('%j of a service on all addresses: %s', (host, allowed) => {
    expect(isAllowedHost(everywhere, host)).toBe(allowed);
  });

  test.each(['::1', '[::1]', '0:0:0:0:0:0:0:1'])('%j in the list is the address that clients send', (entry) => {
    const rule = hostRule({ allowedHosts: [entry], bindAddress: '0.0.0.0' });
    expect(isAllowedHost(rule, '[::1]:8000')).toBe(true);
    expect(isAllowedHost(rule, '[::2]:8000')).toBe(false);
  });

  test('* in the list allows any, on loopback too', () => {
    const rule = hostRule({ allowedHosts: ['ocr.example.com', '*'], bindAddress: '127.0.0.1' });
    expect(isAllowedHost(rule, 'behind.a.proxy:443')).toBe(true);
    expect(isAllowedHost(rule, 'a b')).toBe(false);
  });

  test.each(['::1', 'localhost', '127.0.0.2'])('loopback as %s', (bindAddress) => {
    const rule = hostRule({ allowedHosts: [], bindAddress });
    expect(isAllowedHost(rule, 'localhost:1')).toBe(true);
    expect(isAllowedHost(rule, 'evil.example')).toBe(false);
  });
});
