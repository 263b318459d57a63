import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { delay } from './src/eventually.ts';
import { expectLines, expectProblem, testAftermath } from './src/expectations.ts';
import { isAlive, signalIfAlive } from './src/process-table.ts';
import { randomFor } from './src/seed.ts';
import { Stack, textsOf } from './src/stack.ts';
import { codeLine, giftCardLines } from './src/test-images.ts';

const oneByOne = { concurrent: false } as const;
const random = randomFor('engine faults');

/** A stack with two engines, both of them idle at the start of each test. */
function useStack(pageTimeoutMs: number): () => Stack {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start({
      env: { ENGINE_PROCESSES: '2', PAGE_TIMEOUT_MS: String(pageTimeoutMs), SYNC_TIMEOUT_MS: '120000' },
    });
  });
  afterAll(() => stack?.stop());
  beforeEach(async () => {
    await stack.expectWorking();
    await stack.enginesIdle(2);
  });
  return () => stack;
}

// The groups run at the same time, each with a stack of its own: the second only waits.
describe('engines that die', { concurrent: true }, () => {
  const stack = useStack(120_000);

  test(
    'kill -9 of an engine in the middle of a page: its page is read by another, its neighbor is not disturbed',
    oneByOne,
    async () => {
      const page = stack().analyze(stack().pictureUrl('long'));
      const engine = await stack().busyEngine();
      const neighbor = stack().analyze(stack().pictureUrl('giftCard'));
      await delay(random.below(300));
      signalIfAlive(engine, 'SIGKILL');
      const read = await page;
      expect(read.status, read.text.slice(0, 300)).toBe(200);
      expect(textsOf(read).length).toBeGreaterThan(20);
      expectLines(await neighbor, giftCardLines);
    },
  );

  test('an engine that dies on a page twice: 422 poison_image, and nobody else suffers', oneByOne, async () => {
    const page = stack().analyze(stack().pictureUrl('long'));
    for (let death = 0; death < 2; death++) signalIfAlive(await stack().busyEngine(), 'SIGKILL');
    const neighbors = Array.from({ length: 4 }, () => stack().analyze(stack().pictureUrl('small')));
    expectProblem(await page, 422, 'poison_image');
    for (const answer of await Promise.all(neighbors)) expectLines(answer, [codeLine]);
  });

  test('all engines killed at once, idle and busy', oneByOne, async () => {
    const pages = Array.from({ length: 6 }, () => stack().analyze(stack().pictureUrl('giftCard')));
    await stack().busyEngine();
    for (const engine of stack().engines()) signalIfAlive(engine, 'SIGKILL');
    for (const answer of await Promise.all(pages)) expectLines(answer, giftCardLines);
  });

  test('a busy engine and its idle neighbor killed at once: that was not the page', oneByOne, async () => {
    // Which of the two deaths is heard of first is not ours to choose; both orders happen over these.
    for (const order of [
      [0, 1],
      [1, 0],
    ] as const) {
      await stack().enginesIdle(2);
      const page = stack().analyze(stack().pictureUrl('long'));
      await stack().busyEngine();
      const engines = stack().engines();
      for (const index of order) signalIfAlive(engines[index]!, 'SIGKILL');
      expect((await page).status).toBe(200);
    }
  });

  testAftermath(stack);
});

describe('pages that overrun PAGE_TIMEOUT_MS', { concurrent: true }, () => {
  const pageTimeoutMs = 5_000;
  const stack = useStack(pageTimeoutMs);

  test(
    'a page that overruns PAGE_TIMEOUT_MS: its engine is killed, the page is read by another',
    oneByOne,
    async () => {
      const [first, second] = stack().engines();
      // One stands still; a page for each engine makes sure that one of them meets it.
      signalIfAlive(first!, 'SIGSTOP');
      const answers = await Promise.all([
        stack().analyze(stack().pictureUrl('small')),
        stack().analyze(stack().pictureUrl('small')),
      ]);
      for (const answer of answers) expectLines(answer, [codeLine]);
      expect(isAlive(first!)).toBe(false);
      expect(isAlive(second!)).toBe(true);
      expect(Math.max(...answers.map(({ ms }) => ms))).toBeGreaterThan(pageTimeoutMs);
    },
  );

  test('a page that overruns it again: 422 poison_image', oneByOne, async () => {
    const frozen = new Set(stack().freezeEngines());
    let isOver = false;
    const page = stack()
      .analyze(stack().pictureUrl('long'))
      .finally(() => (isOver = true));
    // Whoever gets it next stands still before it can be read.
    while (!isOver) {
      for (const engine of stack().freezeEngines(stack().readyEngines())) frozen.add(engine);
      await delay(50);
    }
    expectProblem(await page, 422, 'poison_image');
    stack().thawEngines();
    expect([...frozen].filter((engine) => !isAlive(engine)).length).toBeGreaterThanOrEqual(2);
  });

  testAftermath(stack);
});
