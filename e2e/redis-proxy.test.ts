import { type RedisProxy, startRedisProxy } from './src/redis-proxy.ts';
import { Redis } from 'ioredis';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from 'vitest';
import { delay } from './src/eventually.ts';
import { RedisSplitter } from './src/redis-wire.ts';

// The faults that the durable jobs have to survive come from this proxy: were it harmless, they would all pass.
let server: TestRedis;
let proxy: RedisProxy;
let client: Redis;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server?.stop());
beforeEach(async () => {
  await server.client.flushall();
  proxy = await startRedisProxy({ path: server.url.slice('unix://'.length) });
  client = new Redis(proxy.url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
});
afterEach(async () => {
  client.disconnect();
  await proxy.close();
});

const settledIn = (promise: Promise<unknown>, ms: number) =>
  Promise.race([promise.then(() => true), delay(ms).then(() => false)]);

test('a black hole swallows questions of old and new connections, and lets them through when it heals', async () => {
  expect(await client.ping()).toBe('PONG');
  proxy.blackhole();
  const late = client.set('late', '1');
  const other = new Redis(proxy.url, { maxRetriesPerRequest: null });
  const alsoLate = other.set('also', '1');
  expect(await settledIn(late, 200)).toBe(false);
  expect(await settledIn(alsoLate, 1)).toBe(false);
  expect(await server.client.dbsize()).toBe(0);
  proxy.heal();
  expect(await Promise.all([late, alsoLate])).toEqual(['OK', 'OK']);
  other.disconnect();
});

test('a cut loses what was on its way', async () => {
  await client.ping();
  proxy.blackhole();
  const lost = client.set('lost', '1').catch(() => undefined);
  await delay(50);
  client.disconnect();
  proxy.cut();
  proxy.heal();
  await lost;
  await delay(50);
  expect(await server.client.dbsize()).toBe(0);
});

test.each([
  ['before', 'a=1'],
  ['after', 'a=1 b=2'],
] as const)('it turns black right %s a command', async (side, expected) => {
  const held = proxy.holdAt({ at: (command) => command.includes('set') && command.includes('b'), side });
  const all = Promise.all([client.set('a', '1'), client.set('b', '2'), client.set('c', '3')]);
  await held;
  await delay(50);
  const keys = (await server.client.keys('*')).toSorted();
  const values = await Promise.all(keys.map(async (key) => `${key}=${await server.client.get(key)}`));
  expect(values.join(' ')).toBe(expected);
  expect(await settledIn(all, 50)).toBe(false);
  proxy.heal();
  await all;
  expect(await server.client.dbsize()).toBe(3);
});

test('messages are lost, subscriptions are not', async () => {
  const heard: string[] = [];
  client.on('message', (_channel, message: string) => void heard.push(message));
  const lost = proxy.loseMessages();
  await client.subscribe('news');
  await server.client.publish('news', 'lost');
  await client.subscribe('more');
  expect([lost(), heard]).toEqual([1, []]);
  proxy.heal();
  await server.client.publish('news', 'heard');
  await delay(50);
  expect(heard).toEqual(['heard']);
});

test('commands and replies are told apart whatever the chunks', () => {
  const values = [
    '*2\r\n$3\r\nGET\r\n$4\r\n\r\n\r\n\r\n',
    '+OK\r\n',
    '$-1\r\n',
    '*-1\r\n',
    ':12\r\n',
    '%1\r\n+a\r\n*1\r\n_\r\n',
    '*0\r\n',
  ];
  const bytes = Buffer.from(values.join(''));
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = new RedisSplitter();
    const found: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      found.push(...splitter.push(bytes.subarray(at, at + size)).map((value) => value.toString()));
    }
    expect(found).toEqual(values);
  }
});
