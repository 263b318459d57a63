import { describe, expect, test } from 'vitest';
import { isSlowRun, mixedOrders, testDurableAftermath, useDurableStack } from './src/durable-stack.ts';
import { delay } from './src/eventually.ts';
import type { Entry } from './src/ledger.ts';
import { randomFor } from './src/seed.ts';

const random = randomFor('durable Redis faults');
const oneByOne = { concurrent: false } as const;

/** Whatever Redis does, jobs are accepted: the database is enough. */
function expectAccepted(entries: readonly Entry[]): void {
  expect(entries.map(({ fate, refusal }) => refusal?.code ?? fate)).toEqual(entries.map(() => 'accepted'));
}

describe('Redis that forgets', { concurrent: true }, () => {
  const get = useDurableStack({ workers: 2 });

  test('kill -9 and an empty restart, while jobs wait and run', oneByOne, async () => {
    const { stack, ledger } = get();
    await ledger.submitMany([...mixedOrders(random, 15), { picture: 'long', via: 'url' }]);
    await stack.busyEngine();
    await stack.redis.kill();
    expectAccepted(await ledger.submitMany(mixedOrders(random, 5)));
    await delay(isSlowRun ? 30_000 : random.pick([0, 500, 2_000]));
    await stack.redis.start();
    await ledger.settle('kill -9 of Redis', { endedAt: Date.now() });
  });

  test('FLUSHALL while jobs wait and run', oneByOne, async () => {
    const { stack, ledger } = get();
    await ledger.submitMany([...mixedOrders(random, 15), { picture: 'long', via: 'upload' }]);
    await stack.busyEngine();
    await stack.redis.client.flushall();
    const endedAt = Date.now();
    expectAccepted(await ledger.submitMany(mixedOrders(random, 5)));
    await ledger.settle('FLUSHALL', { endedAt });
  });

  test('a client that waits hears of the end from the database, when all messages are lost', oneByOne, async () => {
    const { stack, ledger } = get();
    const network = stack.networkOf(stack.api);
    const countLost = network.loseMessages();
    const entries = await ledger.submitMany([
      { picture: 'long', via: 'url', waitSeconds: 60 },
      { picture: 'small', via: 'upload', waitSeconds: 60 },
    ]);
    expectAccepted(entries);
    expect(countLost()).toBeGreaterThan(0);
    network.heal();
    await ledger.settle('lost messages', { endedAt: Date.now() });
  });

  test('subscribers that are disconnected again and again', oneByOne, async () => {
    const { stack, ledger } = get();
    const waiting = ledger.submitMany(mixedOrders(random, 8).map((order) => Object.assign({ waitSeconds: 60 }, order)));
    for (let round = 0; round < 5; round++) {
      await stack.redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await delay(random.below(200));
    }
    expectAccepted(await waiting);
    await ledger.settle('disconnected subscribers', { endedAt: Date.now() });
  });

  test('maxmemory is reached while jobs wait and run, and lifted', oneByOne, async () => {
    const { stack, ledger } = get();
    await ledger.submitMany([...mixedOrders(random, 15), { picture: 'long', via: 'url' }]);
    await stack.busyEngine();
    await stack.redis.client.config('SET', 'maxmemory', '1');
    expectAccepted(await ledger.submitMany(mixedOrders(random, 5)));
    await delay(isSlowRun ? 30_000 : 3_000);
    await stack.redis.client.config('SET', 'maxmemory', '0');
    await ledger.settle('maxmemory', { endedAt: Date.now() });
  });

  testDurableAftermath(get);
});

describe('Redis that cannot be reached', { concurrent: true }, () => {
  const get = useDurableStack();
  const outageMs = isSlowRun ? 30_000 : 6_000;

  test.each([
    ['the worker', ['worker']],
    ['the API', ['api']],
    ['all', ['api', 'worker']],
  ] as const)('a black hole between it and %s, while jobs wait and run', oneByOne, async (_, cutOff) => {
    const { stack, ledger } = get();
    const [worker] = stack.workers;
    const networks = cutOff.map((service) => stack.networkOf(service === 'api' ? stack.api : worker!));
    await ledger.submitMany([...mixedOrders(random, 12), { picture: 'long', via: 'url' }]);
    await stack.busyEngine();
    for (const network of networks) network.blackhole();
    await delay(random.below(500));
    expectAccepted(await ledger.submitMany(mixedOrders(random, 5)));
    await delay(outageMs);
    // Both happen: packets that were only late, and connections that did not outlast it.
    const doesCut = random.below(2) === 0;
    for (const network of networks) {
      if (doesCut) network.cut();
      network.heal();
    }
    await ledger.settle(`black hole for ${cutOff.join(' and ')}`, { endedAt: Date.now() });
  });

  test('Redis itself hangs', oneByOne, async () => {
    const { stack, ledger } = get();
    await ledger.submitMany([...mixedOrders(random, 12), { picture: 'long', via: 'upload' }]);
    await stack.busyEngine();
    stack.redis.pause();
    expectAccepted(await ledger.submitMany(mixedOrders(random, 5)));
    await delay(outageMs);
    stack.redis.resume();
    await ledger.settle('Redis hangs', { endedAt: Date.now() });
  });

  testDurableAftermath(get);
});
