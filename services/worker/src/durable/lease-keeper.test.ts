import type { Claim } from '@glyphmill/core/store';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LeaseKeeper } from './lease-keeper.ts';

const claimOf = (token: string): Claim => ({ id: `id-${token}`, generation: 0, token });

let renew: (claims: readonly Claim[]) => Promise<Claim[]>;
let asked: string[][];
let failures: number;
let leases: LeaseKeeper;
/** What the clocks are ahead of the timers. */
let aheadMs: { wall: number; monotonic: number };

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  failures = 0;
  renew = async () => [];
  aheadMs = { wall: 0, monotonic: 0 };
  leases = new LeaseKeeper({
    renew: (claims) => {
      asked.push(claims.map(({ token }) => token));
      return renew(claims);
    },
    leaseMs: 20_000,
    onRenewed: () => undefined,
    onFailure: () => {
      failures += 1;
    },
    clocks: {
      monotonic: () => performance.now() + aheadMs.monotonic,
      wall: () => Date.now() + aheadMs.wall,
    },
  });
});
afterEach(() => {
  leases.close();
  vi.useRealTimers();
});

describe('the lease keeper', () => {
  test('renews all claims together, four times in the life of a lease, and asks nothing without claims', async () => {
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([]);
    const [stopA] = [leases.keep(claimOf('a'), vi.fn()), leases.keep(claimOf('b'), vi.fn())];
    await vi.advanceTimersByTimeAsync(4_000);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(asked).toEqual([['a', 'b']]);
    stopA();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(asked.slice(1).every((tokens) => tokens.join() === 'b')).toBe(true);
    expect(asked.length).toBeGreaterThanOrEqual(3);
  });

  test('tells of claims that were lost, once, and not of those that ended meanwhile', async () => {
    const lost = { a: vi.fn(), b: vi.fn() };
    renew = async () => [claimOf('a'), claimOf('b')];
    leases.keep(claimOf('a'), lost.a);
    const stopB = leases.keep(claimOf('b'), lost.b);
    const { promise, resolve } = Promise.withResolvers<Claim[]>();
    renew = () => promise;
    await vi.advanceTimersByTimeAsync(6_000);
    stopB();
    resolve([claimOf('a'), claimOf('b')]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(lost.a).toHaveBeenCalledTimes(1);
    expect(lost.b).not.toHaveBeenCalled();
    expect(asked).toHaveLength(1);
  });

  test('tries again within a second or so while the store is away, one renewal at a time', async () => {
    leases.keep(claimOf('a'), vi.fn());
    renew = () => Promise.reject(new Error('away'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(failures).toBeGreaterThanOrEqual(3);
    const { promise } = Promise.withResolvers<Claim[]>();
    renew = () => promise;
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked).toHaveLength(before + 1);
  });

  test.each([
    ['the process was stopped', { wall: 60_000, monotonic: 60_000 }],
    ['the machine slept', { wall: 60_000, monotonic: 0 }],
  ])('asks at once when it wakes after %s', async (_, passedMs) => {
    leases.keep(claimOf('a'), vi.fn());
    await vi.advanceTimersByTimeAsync(1_000);
    aheadMs = passedMs;
    await vi.advanceTimersByTimeAsync(600);
    expect(asked).toEqual([['a']]);
  });

  test.each([-3_600_000, 3_600_000])('renews as often as ever after the clock was set by %i ms', async (stepMs) => {
    leases.keep(claimOf('a'), vi.fn());
    await vi.advanceTimersByTimeAsync(1_000);
    aheadMs = { wall: stepMs, monotonic: 0 };
    await vi.advanceTimersByTimeAsync(600);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(asked.length).toBeGreaterThanOrEqual(4);
    expect(asked.length).toBeLessThanOrEqual(5);
  });
});
