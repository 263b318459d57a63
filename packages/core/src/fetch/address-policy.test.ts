import { describe, expect, test } from 'vitest';
import { createAddressPolicy } from './address-policy.ts';

const refused = [
  '127.0.0.1',
  '127.8.8.8',
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '192.0.0.1',
  '192.0.2.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:a9fe:a9fe',
  '64:ff9b::7f00:1',
  '64:ff9b:1::7f00:1',
  '2002:7f00:1::',
  '2001:0:7f00:1::',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'fc00::1',
  'fd12::1',
  'ff02::1',
  '2001:db8::1',
  '5f00::1',
  '4000::1',
  '2130706433',
  '0x7f.1',
  'localhost',
  '',
];

describe('createAddressPolicy', () => {
  const allows = createAddressPolicy([]);

  test.each(refused)('refuses %s', (address) => {
    expect(allows(address)).toBe(false);
  });

  test.each(['1.1.1.1', '93.184.215.14', '::ffff:1.1.1.1', '2606:4700:4700::1111'])('allows %s', (address) => {
    expect(allows(address)).toBe(true);
  });

  test('allows what the operator allowed, and nothing beside it', () => {
    const allowsCluster = createAddressPolicy(['10.1.0.0/16', 'fd00:1::/32']);
    expect(allowsCluster('10.1.2.3')).toBe(true);
    expect(allowsCluster('::ffff:10.1.2.3')).toBe(true);
    expect(allowsCluster('fd00:1::5')).toBe(true);
    expect(allowsCluster('10.2.0.1')).toBe(false);
    expect(allowsCluster('fd00:2::5')).toBe(false);
    expect(allowsCluster('127.0.0.1')).toBe(false);
  });
});
