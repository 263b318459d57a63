import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../src/redis.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ settings: ['--maxmemory', '64mb'] });
});
afterAll(() => redis.stop());

test('runs as in production, with the settings that were asked for', async () => {
  expect(redis.url).toMatch(/^unix:\/\/\/.*\.sock$/);
  expect(await redis.client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
  expect(await redis.client.config('GET', 'maxmemory')).toEqual(['maxmemory', String(64 * 2 ** 20)]);
  expect(await redis.client.config('GET', 'save')).toEqual(['save', '']);
});

test('comes back empty after kill -9, its client with it', async () => {
  await redis.client.set('a', '1');
  await redis.kill();
  expect(redis.isUp).toBe(false);
  await redis.start();
  expect(redis.isUp).toBe(true);
  expect(await redis.client.get('a')).toBeNull();
});

test('hangs while it is paused', async () => {
  redis.pause();
  const answer = redis.client.ping();
  expect(await Promise.race([answer, delay(200, 'nothing')])).toBe('nothing');
  redis.resume();
  expect(await answer).toBe('PONG');
});
