import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createChangeWatch } from './change-watch.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp() {
  const store = { token: 'a', digest: '1', looks: 0, digests: 0, isAway: false };
  const watch = createChangeWatch({
    token: () => {
      store.looks++;
      return store.isAway ? Promise.reject(new Error('away')) : Promise.resolve(store.token);
    },
    digest: () => {
      store.digests++;
      return Promise.resolve(store.digest);
    },
    intervalMs: 100,
  });
  const heard: number[] = [];
  const listen = () => watch.listen(() => heard.push(Date.now()));
  const rounds = (count: number) => vi.advanceTimersByTimeAsync(count * 100);
  return { store, watch, heard, listen, rounds };
}

test('tells who has just come once, and then of changes only', async () => {
  const { store, heard, listen, rounds } = setUp();
  listen();
  await rounds(20);
  expect(heard).toHaveLength(1);
  Object.assign(store, { token: 'b', digest: '2' });
  await rounds(1);
  expect(heard).toHaveLength(2);
  await rounds(20);
  expect(heard).toHaveLength(2);
});

test('says nothing of what nobody sees, and finds what shows a little later', async () => {
  const { store, heard, listen, rounds } = setUp();
  listen();
  await rounds(20);
  store.token = 'lease renewed';
  await rounds(2);
  expect(heard).toHaveLength(1);
  store.digest = '2';
  await rounds(2);
  expect(heard).toHaveLength(2);
});

test('looks cheaply while nothing happens, and not at all while nobody listens', async () => {
  const { store, listen, rounds } = setUp();
  await rounds(10);
  expect(store.looks).toBe(0);
  const [first, second] = [listen(), listen()];
  await rounds(50);
  expect(store.looks).toBe(50);
  expect(store.digests).toBeLessThan(10);
  first.close();
  second.close();
  await rounds(10);
  expect(store.looks).toBeLessThanOrEqual(51);
});

test('a store that comes back is looked at again', async () => {
  const { store, heard, listen, rounds } = setUp();
  store.isAway = true;
  listen();
  await rounds(5);
  expect(heard).toEqual([]);
  store.isAway = false;
  await rounds(1);
  expect(heard).toHaveLength(1);
});
