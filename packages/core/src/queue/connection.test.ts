import { expect, test } from 'vitest';
import { redisOptions } from './connection.ts';

test.each([
  ['redis://cache', { host: 'cache', port: 6379, db: 0 }],
  ['redis://:p%40ss@cache:6380/2', { host: 'cache', port: 6380, db: 2, password: 'p@ss' }],
  ['rediss://user:pw@cache', { host: 'cache', username: 'user', password: 'pw', tls: { servername: 'cache' } }],
  ['redis://[::1]:7000', { host: '::1', port: 7000 }],
  ['unix:///run/my%20data/redis.sock', { path: '/run/my data/redis.sock', db: 0 }],
  ['unix:///run/redis.sock?db=3', { path: '/run/redis.sock', db: 3 }],
])('%s', (url, expected) => {
  expect(redisOptions(url)).toMatchObject(expected);
});

test.each(['', 'cache:6379', 'http://user:hunter2@cache', 'hunter2'])('%s is refused without being repeated', (url) => {
  expect(() => redisOptions(url)).toThrow(/^The Redis URL/);
  expect(() => redisOptions(url)).not.toThrow(/hunter2/);
});
