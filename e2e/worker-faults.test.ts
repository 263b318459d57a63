import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { delay, eventually } from './src/eventually.ts';
import { expectLines, expectProblem, testAftermath } from './src/expectations.ts';
import type { Answer } from './src/http-client.ts';
import { enginesOf, isAlive } from './src/process-table.ts';
import { randomFor } from './src/seed.ts';
import { Stack, type StackOptions } from './src/stack.ts';
import { giftCardLines } from './src/test-images.ts';

const isSlowRun = process.env['E2E_SLOW'] === '1';
const random = randomFor('worker faults');

const oneByOne = { concurrent: false } as const;

const env = { SYNC_TIMEOUT_MS: '90000', PAGE_TIMEOUT_MS: '60000' };
/** From the death of a worker to the answer: heartbeats run out after 4 s, and are missed for 2.5 s; then the page. */
const recoveryMs = 20_000;

/** Starts before the tests of a group and is stopped after them. */
function useStack(options: StackOptions): () => Stack {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start(options);
    await stack.expectWorking();
  });
  afterAll(() => stack?.stop());
  return () => stack;
}

async function killWithItsPage(stack: Stack): Promise<void> {
  const worker = await stack.holderOfPage();
  const engines = enginesOf(worker.pid);
  await worker.kill();
  // An engine whose worker is gone has nobody to read for.
  await eventually(() => !engines.some(isAlive), { timeoutMs: 10_000, what: 'engines to end with their worker' });
}

/** The client of a page whose worker died. */
function expectRecovered(answer: Answer, deaths = 1): void {
  expect(answer.status, answer.text.slice(0, 300)).toBe(200);
  expect(answer.ms).toBeLessThan(deaths * recoveryMs);
}

/** Pages one after the other on several connections until told to stop. */
function startLoad(stack: Stack, connections: number): () => Promise<Answer[]> {
  let isOver = false;
  const answers: Answer[] = [];
  const client = async (): Promise<void> => {
    while (!isOver) answers.push(await stack.analyze(stack.pictureUrl('giftCard')));
  };
  const clients = Array.from({ length: connections }, client);
  return async () => {
    isOver = true;
    await Promise.all(clients);
    return answers;
  };
}

// The groups run at the same time, each with stacks of its own: those of the first only wait for locks to run out.
describe('kill -9 of the worker that reads the page', { concurrent: true }, () => {
  const two = useStack({ env, workers: 2 });
  const one = useStack({ env });

  test('another worker answers', async () => {
    const page = two().analyze(two().pictureUrl('long'));
    await killWithItsPage(two());
    expectRecovered(await page);
    await two().expectWorking();
  });

  test('the worker that is started in its place answers', async () => {
    const page = one().analyze(one().pictureUrl('long'));
    await killWithItsPage(one());
    await one().startWorker();
    expectRecovered(await page);
    await one().expectWorking();
  });
});

describe('SIGTERM under load', { concurrent: true }, () => {
  const stack = useStack({ env, workers: 2 });

  test('of one of two workers: it drains, nothing is lost', oneByOne, async () => {
    const [leaving, staying] = stack().workers;
    const endLoad = startLoad(stack(), 6);
    await delay(500 + random.below(500));
    expect(await leaving!.stop()).toEqual({ code: 0, signal: null });
    expect(staying!.exit).toBeUndefined();
    await delay(500);
    const answers = await endLoad();
    expect(answers.length).toBeGreaterThan(6);
    for (const answer of answers) expectLines(answer, giftCardLines);
  });

  test('of the only worker: its pages are answered, the rest waits for the next one', oneByOne, async () => {
    const endLoad = startLoad(stack(), 6);
    await delay(500 + random.below(500));
    const leaving = stack().workers.find(({ exit }) => exit === undefined)!;
    expect(await leaving.stop()).toEqual({ code: 0, signal: null });
    await stack().startWorker();
    await delay(500);
    for (const answer of await endLoad()) expectLines(answer, giftCardLines);
  });

  test('of a worker whose page outlasts DRAIN_GRACE_MS: it gives the page back', oneByOne, async () => {
    const hurried = await Stack.start({ env, worker: { DRAIN_GRACE_MS: '100' } });
    try {
      const page = hurried.analyze(hurried.pictureUrl('long'));
      await hurried.busyEngine();
      const [worker] = hurried.workers;
      expect((await worker!.stop()).code).toBe(0);
      await hurried.startWorker();
      const answer = await page;
      expectRecovered(answer);
    } finally {
      await hurried.stop();
    }
  });

  test('of the API: requests in flight are answered, new ones are not taken, and it ends', oneByOne, async () => {
    const pages = Array.from({ length: 6 }, () => stack().analyze(stack().pictureUrl('giftCard')));
    await stack().busyEngine();
    const stopped = stack().api.stop();
    for (const answer of await Promise.all(pages)) expectLines(answer, giftCardLines);
    expect(await stopped).toEqual({ code: 0, signal: null });
    await expect(stack().send({ path: '/' })).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
    await stack().startApi();
  });

  testAftermath(stack);
});

describe.runIf(isSlowRun)('kill -9 of two workers that read the page', () => {
  const stack = useStack({ env: { SYNC_TIMEOUT_MS: '150000' }, workers: 2 });

  test('422 poison_image', async () => {
    const page = stack().analyze(stack().pictureUrl('long'));
    for (let death = 0; death < 2; death++) {
      await killWithItsPage(stack());
      await stack().startWorker();
    }
    const answer = await page;
    expectProblem(answer, 422, 'poison_image');
    expect(answer.ms).toBeLessThan(2 * recoveryMs);
  });

  testAftermath(stack);
});

describe.runIf(isSlowRun)('a worker that hangs with a page in its hands', () => {
  const stack = useStack({ env, workers: 2 });

  test('another worker answers; it finds its page taken and lives on', async () => {
    const page = stack().analyze(stack().pictureUrl('long'));
    const worker = await stack().holderOfPage();
    worker.signal('SIGSTOP');
    expectRecovered(await page);
    worker.signal('SIGCONT');
    await stack().expectWorking();
    await delay(1000);
    expect(stack().findDeaths()).toEqual([]);
    expect(await stack().redis.client.llen('{glyphmill}:interactive:active')).toBe(0);
  });

  testAftermath(stack);
});
