import { afterAll, beforeAll, expect, test } from 'vitest';
import { delay } from './src/eventually.ts';
import { expectLines, expectProblem, testAftermath } from './src/expectations.ts';
import type { Answer } from './src/http-client.ts';
import { randomFor } from './src/seed.ts';
import { codeOf, Stack } from './src/stack.ts';
import { giftCardLines } from './src/test-images.ts';

const random = randomFor('Redis faults');
const isSlowRun = process.env['E2E_SLOW'] === '1';
const rounds = isSlowRun ? 10 : 1;

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ workers: 2 });
  await stack.expectWorking();
});
afterAll(() => stack?.stop());

/** The answer that a user may get while Redis is away: never a hang, a torn connection or somebody else's result. */
function expectHonest(answer: Answer): void {
  if (answer.status === 200) expectLines(answer, giftCardLines);
  else if (answer.status === 504) expectProblem(answer, 504, 'deadline_exceeded');
  else expectProblem(answer, 503, 'queue_unavailable');
}

// In both, Redis comes back only when all are answered; who waited for it would be answered 504 at the deadline.
test('Redis down: 503 at once, while liveness and readiness say that the service is there', async () => {
  await stack.redis.kill();
  for (let request = 0; request < 3; request++) {
    const answer = await stack.analyze(stack.pictureUrl('giftCard'));
    expectProblem(answer, 503, 'queue_unavailable');
  }
  expectProblem(await stack.send({ path: '/jobs/01890a5d-ac96-774b-bcce-b302099a8057' }), 503, 'queue_unavailable');
  expect((await stack.send({ path: '/' })).status).toBe(200);
  for (const { opsPort } of [stack.api, ...stack.workers]) {
    expect((await stack.sendOps(opsPort, '/livez')).status).toBe(200);
    expect((await stack.sendOps(opsPort, '/readyz')).status).toBe(200);
    expect((await stack.sendOps(opsPort, '/readyz?deep=1')).status).toBe(503);
  }
  await stack.redis.start();
  await stack.expectWorking();
});

test('Redis that hangs: 503 before the deadline, and it heals', async () => {
  stack.redis.signal('SIGSTOP');
  const answer = await stack.analyze(stack.pictureUrl('giftCard'));
  stack.redis.signal('SIGCONT');
  expectProblem(answer, 503, 'queue_unavailable');
  await stack.expectWorking();
});

test('kill -9 and an empty Redis under load: every client gets an answer, and all works again', async () => {
  for (let round = 0; round < rounds; round++) {
    let isOver = false;
    const answers: Answer[] = [];
    const client = async (): Promise<void> => {
      while (!isOver) {
        answers.push(await stack.analyze(stack.pictureUrl('giftCard')));
        // A refusal comes at once; nobody asks a thousand times a second.
        await delay(20);
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, client));
    await delay(500 + random.below(1000));
    await stack.redis.kill();
    await delay(random.pick([0, 300, 3000]));
    await stack.redis.start();
    await delay(1000);
    isOver = true;
    await clients;
    for (const answer of answers) expectHonest(answer);
    expect(new Set(answers.map(({ status }) => status))).toContain(200);
    await stack.expectWorking();
    expect(stack.findDeaths()).toEqual([]);
  }
});

test.runIf(isSlowRun)('a Redis that hangs for longer than locks live, under load', async () => {
  const pages = Array.from({ length: 8 }, () => stack.analyze(stack.pictureUrl('giftCard')));
  await stack.busyEngine();
  stack.redis.signal('SIGSTOP');
  await delay(20_000);
  stack.redis.signal('SIGCONT');
  for (const answer of await Promise.all(pages)) expectHonest(answer);
  await stack.expectWorking();
});

test('everything else restarts while Redis is down, and works when it comes', async () => {
  await stack.redis.kill();
  const [worker] = stack.workers;
  expect((await worker!.stop()).code).toBe(0);
  expect((await stack.api.stop()).code).toBe(0);
  await Promise.all([stack.startApi(), stack.startWorker()]);
  const answer = await stack.analyze(stack.pictureUrl('giftCard'));
  expect(codeOf(answer)).toBe('queue_unavailable');
  await stack.redis.start();
  await stack.expectWorking();
});

testAftermath(() => stack);
