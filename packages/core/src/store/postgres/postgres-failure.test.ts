import pg from 'pg';
import { expect, test } from 'vitest';
import { describePostgresFailure, endsConnection } from './postgres-failure.ts';

function answer(code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('the message', 0, 'error'), { code });
}

test.each([
  ['25P03', 'store_unavailable', 'idle in a transaction for too long'],
  ['25P04', 'store_unavailable', 'a transaction that took too long'],
  ['42501', 'store_unavailable', 'not allowed'],
  ['53100', 'storage_full', 'disk full'],
  ['53300', 'store_unavailable', 'too many connections'],
  ['55P03', 'store_unavailable', 'lock not available'],
  ['57014', 'store_unavailable', 'statement timeout'],
  ['57P01', 'store_unavailable', 'shut down'],
  ['58030', 'store_unavailable', 'input or output failed'],
  ['58P01', 'store_unavailable', 'a file is missing'],
  ['23505', 'internal', 'unique violation'],
  ['42601', 'internal', 'syntax error'],
])('%s is %s: %s', (code, expected) => {
  expect(describePostgresFailure(answer(code)).code).toBe(expected);
});

test.each([
  ['25P03', true],
  ['57P01', true],
  ['57014', false],
  ['23505', false],
])('after %s the connection is of no use: %s', (code, expected) => {
  expect(endsConnection(answer(code))).toBe(expected);
});
