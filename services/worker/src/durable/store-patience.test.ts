import { OcrError } from '@glyphmill/core/errors';
import { createLogger } from '@glyphmill/core/logging';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StoppedWaiting, StorePatience } from './store-patience.ts';

const away = new OcrError('store_unavailable', 'The store is away');
const full = new OcrError('storage_full', 'The disk is full');
const never = new AbortController().signal;

let patience: StorePatience;
let check: () => Promise<void>;
let logged: string[];
let waitedMs: number[];

beforeEach(() => {
  vi.useFakeTimers();
  logged = [];
  waitedMs = [];
  check = async () => {};
  const note = (_about: unknown, message: string) => void logged.push(message);
  patience = new StorePatience({
    check: () => check(),
    logger: Object.assign(createLogger({ service: 'test', level: 'silent' }), { info: note, warn: note }),
    onWaited: (durationMs) => waitedMs.push(durationMs),
  });
});
afterEach(() => {
  patience.close();
  vi.useRealTimers();
});

/** A store that fails so often before it works. */
function failing(times: number, error: Error, value = 'stored') {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls <= times) throw error;
    return value;
  };
}

describe('a store that is away', () => {
  test.each([away, full])('is asked again until it works: $code', async (error) => {
    const call = patience.call('finish', failing(20, error), never);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(patience.waiting).toBe(1);
    expect(patience.isAway).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await call).toBe('stored');
    expect(patience.waiting).toBe(0);
    expect(patience.isAway).toBe(false);
    expect(waitedMs).toHaveLength(1);
  });

  test.each([
    [1_500, 1],
    [500, 0],
  ])('has had a call wait that took %i ms, though nothing failed: %i', async (durationMs, waits) => {
    const slow = () => new Promise((resolve) => setTimeout(resolve, durationMs));
    const call = patience.call('finish', slow, never);
    await vi.advanceTimersByTimeAsync(durationMs);
    await call;
    expect(waitedMs).toHaveLength(waits);
  });

  test('is away until it was open once, and while anybody waits', async () => {
    expect(patience.isAway).toBe(true);
    patience.noteSuccess();
    expect(patience.isAway).toBe(false);
    const call = patience.call('finish', failing(3, full), never);
    await vi.advanceTimersByTimeAsync(0);
    // What needs no room works on a full disk.
    await patience.call('claim', failing(0, full), never);
    patience.noteSuccess();
    expect(patience.isAway).toBe(true);
    await vi.advanceTimersByTimeAsync(10_000);
    await call;
    expect(patience.isAway).toBe(false);
    expect(logged).toEqual(['The store is open', 'The store is away', 'The store is back']);
  });

  test('is not said to be away before it was looked at', async () => {
    check = () => Promise.reject(away);
    expect([patience.isAway, patience.isKnownAway]).toEqual([true, undefined]);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(patience.isKnownAway).toBe(true);
    check = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(patience.isKnownAway).toBe(false);
  });

  test('a call that hangs counts as waiting', async () => {
    patience.noteSuccess();
    const { promise, resolve } = Promise.withResolvers<string>();
    const call = patience.call('claim', () => promise, never);
    await vi.advanceTimersByTimeAsync(900);
    expect(patience.isAway).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect([patience.waiting, patience.isAway]).toEqual([1, true]);
    resolve('claimed');
    expect(await call).toBe('claimed');
    expect([patience.waiting, patience.isAway]).toEqual([0, false]);
  });

  test('asks by itself whether it is back when nobody waits', async () => {
    patience.noteSuccess();
    check = () => Promise.reject(away);
    patience.noteFailure(away);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(patience.isAway).toBe(true);
    check = async () => {};
    await vi.advanceTimersByTimeAsync(1_100);
    expect(patience.isAway).toBe(false);
  });
});

describe('a call ends without success', () => {
  test('when its job has to stop; it is tried once even so', async () => {
    const stop = new AbortController();
    const call = patience.call('finish', failing(Infinity, away), stop.signal);
    setTimeout(() => stop.abort('drain'), 3_000);
    await Promise.all([expect(call).rejects.toThrow(StoppedWaiting), vi.advanceTimersByTimeAsync(3_000)]);
    expect(patience.waiting).toBe(0);
    expect(await patience.call('finish', failing(0, away), stop.signal)).toBe('stored');
    await expect(patience.call('finish', failing(1, away), stop.signal)).rejects.toThrow(StoppedWaiting);
  });

  test('when the fault does not pass; the store is not away for that', async () => {
    patience.noteSuccess();
    const bug = new OcrError('internal', 'A bug');
    const call = patience.call('finish', failing(3, bug), never);
    const seen: boolean[] = [];
    setTimeout(() => seen.push(patience.isAway), 200);
    await Promise.all([expect(call).rejects.toBe(bug), vi.advanceTimersByTimeAsync(5_000)]);
    expect(seen).toEqual([false]);
    const recovered = patience.call('finish', failing(2, bug), never);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await recovered).toBe('stored');
  });
});
