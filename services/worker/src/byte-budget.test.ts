import { describe, expect, test } from 'vitest';
import { ByteBudget } from './byte-budget.ts';

const never = new AbortController().signal;
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Claims, and says when it was granted. */
function claim(budget: ByteBudget, bytes: number, signal = never) {
  const allotment = budget.open();
  const state = { isGranted: false, allotment, done: Promise.resolve() };
  state.done = allotment.claim(bytes, signal).then(() => {
    state.isGranted = true;
  });
  return state;
}

describe('ByteBudget', () => {
  test('lets claims wait for room, in order of arrival', async () => {
    const budget = new ByteBudget(100);
    const first = claim(budget, 60);
    const large = claim(budget, 80);
    const small = claim(budget, 10);
    await settled();
    expect([first.isGranted, large.isGranted, small.isGranted]).toEqual([true, false, false]);
    first.allotment.release();
    await settled();
    expect([large.isGranted, small.isGranted]).toEqual([true, true]);
    expect(budget.usedBytes).toBe(90);
    large.allotment.release();
    large.allotment.release();
    small.allotment.release();
    expect(budget.usedBytes).toBe(0);
  });

  test('what is not needed goes to the next one', async () => {
    const budget = new ByteBudget(100);
    const first = claim(budget, 100);
    const second = claim(budget, 50);
    await first.done;
    first.allotment.shrinkTo(70);
    await settled();
    expect(second.isGranted).toBe(false);
    first.allotment.shrinkTo(50);
    first.allotment.shrinkTo(90);
    await second.done;
    expect(budget.usedBytes).toBe(100);
  });

  test('more than everything waits for everything', async () => {
    const budget = new ByteBudget(100);
    const huge = claim(budget, 1000);
    await huge.done;
    expect(budget.usedBytes).toBe(100);
    huge.allotment.release();
    expect(budget.usedBytes).toBe(0);
  });

  test('who gives up makes room for those behind', async () => {
    const budget = new ByteBudget(100);
    const first = claim(budget, 60);
    const controller = new AbortController();
    const large = claim(budget, 80, controller.signal);
    const small = claim(budget, 40);
    await first.done;
    expect(small.isGranted).toBe(false);
    controller.abort('canceled');
    await expect(large.done).rejects.toMatchObject({ name: 'AbortError' });
    await small.done;
    large.allotment.release();
    expect(budget.usedBytes).toBe(100);
    await expect(claim(budget, 1, controller.signal).done).rejects.toMatchObject({ name: 'AbortError' });
  });
});
