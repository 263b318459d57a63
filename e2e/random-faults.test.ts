import { afterAll, beforeAll, expect, test } from 'vitest';
import { delay } from './src/eventually.ts';
import { expectLines, expectProblem, testAftermath } from './src/expectations.ts';
import type { Answer } from './src/http-client.ts';
import { signalIfAlive } from './src/process-table.ts';
import { randomFor } from './src/seed.ts';
import { codeOf, Stack } from './src/stack.ts';
import { giftCardLines } from './src/test-images.ts';

const random = randomFor('random faults');
/** Each is a walk through all faults in an order of its own. */
const rounds = process.env['E2E_SLOW'] === '1' ? 6 : 1;
const clients = 6;

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ workers: 2, env: { ENGINE_PROCESSES: '1', PAGE_TIMEOUT_MS: '30000' } });
  await stack.expectWorking();
});
afterAll(() => stack?.stop());

const runningWorkers = () => stack.workers.filter(({ exit }) => exit === undefined);

const faults: Readonly<Record<string, () => Promise<unknown>>> = {
  async 'an engine is killed'() {
    const engines = stack.engines();
    if (engines.length > 0) signalIfAlive(random.pick(engines), 'SIGKILL');
  },
  async 'an engine stands still for a moment'() {
    const engines = stack.engines();
    if (engines.length === 0) return;
    const engine = random.pick(engines);
    signalIfAlive(engine, 'SIGSTOP');
    await delay(500 + random.below(1000));
    signalIfAlive(engine, 'SIGCONT');
  },
  async 'a worker is killed'() {
    await random.pick(runningWorkers()).kill();
    await stack.startWorker();
  },
  async 'a worker is replaced'() {
    const [stopped] = await Promise.all([random.pick(runningWorkers()).stop(), stack.startWorker()]);
    expect(stopped).toEqual({ code: 0, signal: null });
  },
  async 'Redis is killed'() {
    await stack.redis.kill();
    await delay(random.below(1500));
    await stack.redis.start();
  },
  async 'Redis hangs'() {
    stack.redis.signal('SIGSTOP');
    await delay(200 + random.below(2500));
    stack.redis.signal('SIGCONT');
  },
  async 'callers hang up'() {
    const hangUp = new AbortController();
    const gone = Array.from({ length: 4 }, () => stack.analyze(stack.pictureUrl('long'), { signal: hangUp.signal }));
    await delay(random.below(800));
    hangUp.abort();
    await Promise.allSettled(gone);
  },
};

/** What a caller may be told in the middle of all that. */
function expectHonest(answer: Answer): void {
  const code = codeOf(answer);
  if (answer.status === 200) return expectLines(answer, giftCardLines);
  expect(['queue_unavailable', 'deadline_exceeded', 'queue_full'], answer.text.slice(0, 300)).toContain(code);
  expectProblem(answer, answer.status, code!);
}

test('faults in random order under load: every caller gets an answer', { timeout: rounds * 180_000 }, async () => {
  let isOver = false;
  const answers: Answer[] = [];
  const client = async (): Promise<void> => {
    while (!isOver) {
      answers.push(await stack.analyze(stack.pictureUrl('giftCard')));
      await delay(20);
    }
  };
  const load = Promise.all(Array.from({ length: clients }, client));
  for (let round = 0; round < rounds; round++) {
    for (const name of random.shuffled(Object.keys(faults))) {
      console.log(`${name}, after ${answers.length} answers`);
      await faults[name]!();
      await delay(random.below(1500));
    }
  }
  isOver = true;
  await load;
  for (const answer of answers) expectHonest(answer);
  const read = answers.filter(({ status }) => status === 200).length;
  console.log(`${read} of ${answers.length} were read`);
  expect(read).toBeGreaterThan(0);
});

testAftermath(() => stack);
