import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MemoryReserve } from './memory-reserve.ts';

const megabyte = 2 ** 20;
const emptyServer = {
  info: () => Promise.resolve(`used_memory:${megabyte}\r\nmaxmemory:${100 * megabyte}\r\n`),
} as unknown as Redis;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('what was claimed counts until the next look', async () => {
  const reserve = new MemoryReserve();
  const claim = () => reserve.claim(emptyServer, { kind: 'durable', bytes: 50 * megabyte });
  await reserve.look(emptyServer);
  await claim();
  await expect(claim()).rejects.toMatchObject({ code: 'queue_unavailable' });
  await vi.advanceTimersByTimeAsync(200);
  await claim();
});

test.each([-3_600_000, 3_600_000])('is looked at as often as ever when the clock was set by %i ms', async (stepMs) => {
  const reserve = new MemoryReserve();
  await reserve.look(emptyServer);
  vi.setSystemTime(Date.now() + stepMs);
  for (let claims = 0; claims < 10; claims += 1) {
    await vi.advanceTimersByTimeAsync(200);
    await reserve.claim(emptyServer, { kind: 'durable', bytes: 50 * megabyte });
  }
});
