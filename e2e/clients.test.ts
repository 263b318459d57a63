import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { delay, eventually } from './src/eventually.ts';
import { expectLines, expectProblem, testAftermath } from './src/expectations.ts';
import type { Answer } from './src/http-client.ts';
import { isAlive, signalIfAlive } from './src/process-table.ts';
import { Stack, textsOf } from './src/stack.ts';
import { codeLine, giftCardLines } from './src/test-images.ts';

let stack: Stack;
beforeAll(async () => {
  // A page that was not canceled would hold the only engine for ten minutes.
  stack = await Stack.start({ env: { PAGE_TIMEOUT_MS: '600000', SYNC_TIMEOUT_MS: '120000' } });
});
afterAll(() => stack?.stop());

const waitingJobs = () => stack.redis.client.llen('{glyphmill}:interactive:wait');
const activeJobs = () => stack.redis.client.llen('{glyphmill}:interactive:active');

describe('a client that hangs up', () => {
  test('while its page is read: the engine is freed', async () => {
    await stack.expectWorking();
    await stack.enginesIdle(1);
    const [engine] = stack.freezeEngines();
    const hangUp = new AbortController();
    const gone = stack.analyze(stack.pictureUrl('giftCard'), { signal: hangUp.signal });
    await eventually(async () => (await activeJobs()) === 1, { timeoutMs: 20_000, what: 'the page to be active' });
    hangUp.abort();
    await expect(gone).rejects.toThrow(/abort/i);
    // It cannot end by itself: it stands still.
    await eventually(() => !isAlive(engine!), { timeoutMs: 30_000, what: 'the engine to be replaced' });
    expectLines(await stack.analyze(stack.pictureUrl('giftCard')), giftCardLines);
  });

  test('while it waits: nobody reads its page', async () => {
    await stack.enginesIdle(1);
    const [engine] = stack.freezeEngines();
    const patient = stack.analyze(stack.pictureUrl('small'));
    await eventually(async () => (await activeJobs()) === 1, { timeoutMs: 20_000, what: 'a page to be active' });
    const hangUp = new AbortController();
    const impatient = Array.from({ length: 10 }, () =>
      stack.analyze(stack.images.url('image', { image: 'giftCard' }), { signal: hangUp.signal }),
    );
    const gone = Promise.allSettled(impatient);
    await eventually(async () => (await waitingJobs()) >= 8, { timeoutMs: 20_000, what: 'the others to wait' });
    hangUp.abort();
    expect((await gone).every(({ status }) => status === 'rejected')).toBe(true);
    await eventually(async () => (await waitingJobs()) + (await activeJobs()) === 1, {
      timeoutMs: 20_000,
      what: 'the abandoned jobs to be removed',
    });
    signalIfAlive(engine!, 'SIGCONT');
    expectLines(await patient, [codeLine]);
  });

  test('in the middle of its request, or before it asks anything', async () => {
    const sockets = ['', 'POST /analyze HTTP/1.1\r\nhost: localhost\r\n', 'GET'].map((text) => {
      const socket = connect(stack.apiPort, '127.0.0.1', () => socket.write(text));
      return socket;
    });
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await delay(100);
    for (const socket of sockets) socket.destroy();
    await stack.expectWorking();
  });
});

describe('Prefer: respond-async', () => {
  const jobAt = async (location: string): Promise<Answer> => stack.send({ path: location });
  const stateOf = ({ json }: Answer) => (json as { state: string }).state;
  const finished = (location: string) =>
    eventually(
      async () => {
        const answer = await jobAt(location);
        return ['queued', 'active'].includes(stateOf(answer)) ? undefined : answer;
      },
      { timeoutMs: 60_000, everyMs: 100, what: 'the job to end' },
    );

  async function accepted(url: string): Promise<string> {
    const answer = await stack.analyze(url, { headers: { prefer: 'respond-async, wait=1' } });
    expect(answer.status, answer.text).toBe(202);
    expect(answer.headers['preference-applied']).toMatch(/respond-async/);
    const { id, state } = answer.json as { id: string; state: string };
    expect(['queued', 'active']).toContain(state);
    expect(answer.headers['location']).toBe(`/jobs/${id}`);
    return `/jobs/${id}`;
  }

  test('202 with a Location that leads to the result', async () => {
    await stack.enginesIdle(1);
    const [engine] = stack.freezeEngines();
    const location = await accepted(stack.pictureUrl('giftCard'));
    expect(stateOf(await jobAt(location))).toBe('active');
    signalIfAlive(engine!, 'SIGCONT');
    const job = await finished(location);
    expect(stateOf(job)).toBe('succeeded');
    expect(textsOf(job)).toEqual(giftCardLines);
    // It can be asked for again.
    expect(textsOf(await jobAt(location))).toEqual(giftCardLines);
  });

  test('to the problem, where there is one', async () => {
    await stack.enginesIdle(1);
    const [engine] = stack.freezeEngines();
    const blocking = accepted(stack.pictureUrl('small'));
    const location = await accepted(stack.images.url('page'));
    signalIfAlive(engine!, 'SIGCONT');
    await finished(await blocking);
    const job = await finished(location);
    expect(job.json).toMatchObject({ state: 'failed', error: { code: 'image_unsupported', status: 415 } });
  });

  test('200 at once where the page is quick, and then the job is forgotten', async () => {
    const answer = await stack.analyze(stack.pictureUrl('small'), { headers: { prefer: 'respond-async' } });
    expectLines(answer, [codeLine]);
  });

  test('Prefer: wait alone shortens the wait', async () => {
    await stack.enginesIdle(1);
    stack.freezeEngines();
    const answer = await stack.analyze(stack.pictureUrl('giftCard'), { headers: { prefer: 'wait=1' } });
    expectProblem(answer, 504, 'deadline_exceeded');
  });
});

testAftermath(() => stack);
