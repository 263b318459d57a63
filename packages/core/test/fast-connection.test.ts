import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FastConnection } from '../src/queue/fast-connection.ts';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { eventually, logger } from './queue-bench.ts';

// The promise is one of time, and machines stand still: from here on the clock is moved by the test alone.
let redis: TestRedis;
let connection: FastConnection;

beforeEach(async () => {
  redis = await startRedis();
  connection = new FastConnection({ redisUrl: redis.url, logger, role: 'test' });
  await eventually(() => connection.connected);
});
afterEach(async () => {
  vi.useRealTimers();
  await connection.close();
  await redis.stop();
});

async function expectFailureInTwoSeconds(): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const asked = expect(connection.run((client) => client.ping())).rejects.toMatchObject({ code: 'queue_unavailable' });
  await vi.advanceTimersByTimeAsync(1_999);
  await asked;
}

test('a Redis that hangs has failed after two seconds', async () => {
  redis.pause();
  await expectFailureInTwoSeconds();
});

test('a Redis that is away has failed after two seconds', async () => {
  await redis.kill();
  await eventually(() => !connection.connected);
  await expectFailureInTwoSeconds();
});
