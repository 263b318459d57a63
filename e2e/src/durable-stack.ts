import { afterAll, beforeAll, expect, test } from 'vitest';
import { Ledger, type Order, type Picture } from './ledger.ts';
import type { Random } from './seed.ts';
import { Stack, type StackOptions } from './stack.ts';

/** Faults take their time: short ones in every test run, those of the bars with E2E_SLOW=1. */
export const isSlowRun = process.env['E2E_SLOW'] === '1';

/** On a crowded machine a long page may take longer than one may by default, and would be taken for poison. */
export const patience = { PAGE_TIMEOUT_MS: '60000' } as const;

export interface DurableStack {
  readonly stack: Stack;
  readonly ledger: Ledger;
}

/** Starts before the tests of a group and is stopped after them; each process has a network to Redis of its own. */
export function useDurableStack(options: StackOptions | (() => StackOptions) = {}): () => DurableStack {
  let stack: Stack;
  let ledger: Ledger;
  beforeAll(async () => {
    const given = typeof options === 'function' ? options() : options;
    stack = await Stack.start({ network: 'proxy', ...given, env: { ...patience, ...given.env } });
    ledger = await Ledger.open(stack);
  });
  afterAll(async () => {
    await ledger?.close();
    await stack?.stop();
  });
  return () => ({ stack, ledger });
}

/** What must hold after whatever the tests of a group have done; call it at the group's end. */
export function testDurableAftermath(get: () => DurableStack): void {
  test(
    'afterwards it works, the books are right, nobody died, and no log tells text, URL or secret',
    { concurrent: false },
    async () => {
      const { stack, ledger } = get();
      await ledger.submitMany([
        { picture: 'giftCard', via: 'upload' },
        { picture: 'small', via: 'url', waitSeconds: 30 },
      ]);
      await ledger.settle('afterwards', { endedAt: Date.now() });
      expect(stack.findDeaths()).toEqual([]);
      expect(await stack.findLeaks('logs')).toEqual([]);
    },
  );
}

const quickPictures: readonly Picture[] = ['giftCard', 'small', 'blank'];

/** By URL and as uploads, pictures that take a moment each. */
export function mixedOrders(random: Random, count: number): Order[] {
  return Array.from({ length: count }, () => ({
    picture: random.pick(quickPictures),
    via: random.pick(['url', 'upload'] as const),
  }));
}
