import { stopBetweenWrites } from '@glyphmill/test-servers/stop-between-writes';
import { describe, expect, test } from 'vitest';
import { readJobs } from './src/audit.ts';
import {
  type DurableStack,
  isSlowRun,
  mixedOrders,
  testDurableAftermath,
  useDurableStack,
} from './src/durable-stack.ts';
import { delay, eventually } from './src/eventually.ts';
import type { Entry } from './src/ledger.ts';
import { signalIfAlive } from './src/process-table.ts';
import { randomFor } from './src/seed.ts';
import type { ServiceProcess } from './src/service-process.ts';
import type { Stack } from './src/stack.ts';

const random = randomFor('durable worker faults');
const oneByOne = { concurrent: false } as const;

/** Of a stack with one worker: `kill -9`, and another one in its place; gives the time of the fault's end. */
async function replaceWorker(stack: Stack, worker: ServiceProcess): Promise<number> {
  await worker.kill();
  const endedAt = Date.now();
  await stack.startWorker();
  return endedAt;
}

const runningWorker = (stack: Stack): ServiceProcess => stack.runningWorkers()[0]!;

/** How often a worker counted runs that ended so, or calls of the store that it answered. */
async function countOf(stack: Stack, worker: ServiceProcess, label: string): Promise<number> {
  const { text } = await stack.sendOps(worker.opsPort, '/metrics');
  const names = 'glyphmill_(?:durable_runs_total|store_call_seconds_count)';
  return Number(new RegExp(`^${names}\\{(?:[^}]*,)?${label}[,}].* (\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

async function stateOf({ ledger }: DurableStack, { id }: Entry): Promise<string | undefined> {
  return (await readJobs(ledger.database)).find((job) => job.id === id)?.state;
}

const hasSucceeded = (state: string | undefined): boolean => state === 'succeeded';

/** BullMQ's script that ends a job names the list of ended ones. */
const endsQueueJob = (command: Buffer): boolean => command.includes(':completed') || command.includes(':failed');

// The groups run at the same time, each with a stack of its own: most of the time they wait for a worker to be missed.
describe('kill -9 of the only worker at each stage of a job', { concurrent: true }, () => {
  const get = useDurableStack();

  test('while it downloads', oneByOne, async () => {
    const { stack, ledger } = get();
    stack.images.closeGate();
    const url = stack.images.url('gate', { image: 'giftCard' });
    await ledger.submit({ picture: 'giftCard', via: 'url', url });
    await eventually(() => stack.images.requests.some((path) => url.endsWith(path)), {
      timeoutMs: 20_000,
      what: 'the download to begin',
    });
    await ledger.submitMany(mixedOrders(random, 6));
    const worker = runningWorker(stack);
    await worker.kill();
    stack.images.openGate();
    await ledger.settle('killed while downloading', { endedAt: await replaceWorker(stack, worker) });
  });

  test('while an engine reads', oneByOne, async () => {
    const { stack, ledger } = get();
    await ledger.submit({ picture: 'long', via: 'upload' });
    await stack.busyEngine();
    await ledger.submitMany(mixedOrders(random, 6));
    await delay(random.below(500));
    await ledger.settle('killed while reading', { endedAt: await replaceWorker(stack, runningWorker(stack)) });
  });

  test('with a page that was read and is not stored', oneByOne, async () => {
    const { stack, ledger } = get();
    const entry = await ledger.submit({ picture: 'long', via: 'upload' });
    await stack.busyEngine();
    const unlock = await ledger.database.lock();
    await stack.enginesIdle(1);
    await delay(random.below(500));
    expect(await stateOf(get(), entry)).toBe('active');
    await runningWorker(stack).kill();
    await unlock();
    const endedAt = Date.now();
    await stack.startWorker();
    await ledger.settle('killed before storing', { endedAt });
  });

  test.each([
    ['stored, while the queue still holds it', 'before'],
    ['stored, right after it has left the queue', 'after'],
  ] as const)('with a page that was %s', oneByOne, async (_, side) => {
    const { stack, ledger } = get();
    const worker = runningWorker(stack);
    const held = stack.networkOf(worker).holdAt({ at: endsQueueJob, side });
    const entry = await ledger.submit({ picture: 'giftCard', via: 'url' });
    await held;
    expect(await stateOf(get(), entry)).toBe('succeeded');
    await ledger.submitMany(mixedOrders(random, 6));
    await ledger.settle(`killed ${side} leaving the queue`, { endedAt: await replaceWorker(stack, worker) });
  });

  testDurableAftermath(get);
});

describe('a worker that stands still', { concurrent: true }, () => {
  const get = useDurableStack({ workers: 2 });

  test('SIGSTOP with a page that was read: others store it, and its own end comes late', oneByOne, async () => {
    const { stack, ledger } = get();
    await stack.enginesIdle(2);
    const entry = await ledger.submit({ picture: 'long', via: 'upload' });
    const worker = await stack.holderOfPage();
    const lateEnds = () => countOf(stack, worker, 'outcome="late"');
    const before = await lateEnds();
    const unlock = await ledger.database.lock();
    await stack.enginesIdle(2);
    // It does not hold the database: we do.
    await stopBetweenWrites(worker.pid, async () => true);
    await unlock();
    expect(await stateOf(get(), entry)).toBe('active');
    await eventually(async () => hasSucceeded(await stateOf(get(), entry)), {
      timeoutMs: 60_000,
      everyMs: 250,
      what: 'another to store its page',
    });
    worker.signal('SIGCONT');
    const endedAt = Date.now();
    // The store refuses its page, or tells it before that its claim is gone: whichever it asks first.
    await eventually(async () => (await lateEnds()) === before + 1, { timeoutMs: 20_000, what: 'a late end' });
    await ledger.settle('SIGSTOP before a store', { endedAt });
  });

  test('SIGSTOP until others have its pages: what it stores when it goes on does not count', oneByOne, async () => {
    const { stack, ledger } = get();
    const entries = await ledger.submitMany([
      { picture: 'long', via: 'upload' },
      { picture: 'long', via: 'url' },
      ...mixedOrders(random, 4),
    ]);
    const worker = await stack.holderOfPage();
    const lateEnds = async () =>
      (await countOf(stack, worker, 'outcome="late"')) + (await countOf(stack, worker, 'outcome="released"'));
    const before = await lateEnds();
    await stopBetweenWrites(worker.pid, () => ledger.database.canWrite());
    const stoppedAt = Date.now();
    await eventually(
      async () => (await Promise.all(entries.map((entry) => stateOf(get(), entry)))).every(hasSucceeded),
      { timeoutMs: 60_000, everyMs: 250, what: 'others to read its pages' },
    );
    // Longer than the lease: whoever counts on time alone believes the page its own again.
    await delay(Math.max(stoppedAt + (isSlowRun ? 60_000 : 22_000) - Date.now(), 0));
    worker.signal('SIGCONT');
    const endedAt = Date.now();
    // It tries to store its page, or to give the job back, whichever it comes to first; neither is its to do any more.
    await eventually(async () => (await lateEnds()) > before, { timeoutMs: 20_000, what: 'a late end' });
    await ledger.submitMany(mixedOrders(random, 4));
    await ledger.settle('SIGSTOP of a worker', { endedAt });
  });

  testDurableAftermath(get);
});

describe('faults of workers that others survive', { concurrent: true }, () => {
  const get = useDurableStack({ workers: 2 });

  test('kill -9 of engines at random moments', oneByOne, async () => {
    const { stack, ledger } = get();
    await ledger.submitMany([...mixedOrders(random, 20), { picture: 'long', via: 'upload' }]);
    for (let deaths = isSlowRun ? 20 : 4; deaths > 0; deaths--) {
      await delay(100 + random.below(700));
      const engines = stack.engines();
      if (engines.length > 0) signalIfAlive(random.pick(engines), 'SIGKILL');
      await ledger.submitMany(mixedOrders(random, 2));
    }
    await ledger.settle('engines killed', { endedAt: Date.now() });
  });

  test('kill -9 of both at once', oneByOne, async () => {
    const { stack, ledger } = get();
    await ledger.submitMany([...mixedOrders(random, 12), { picture: 'long', via: 'url' }]);
    await delay(random.below(500));
    await Promise.all(stack.runningWorkers().map((worker) => worker.kill()));
    const endedAt = Date.now();
    await Promise.all([stack.startWorker(), stack.startWorker()]);
    await ledger.settle('both workers killed', { endedAt });
  });

  test('cancels meet kill -9: what was canceled stays so, all else succeeds', oneByOne, async () => {
    const { stack, ledger } = get();
    const entries = await ledger.submitMany([
      ...mixedOrders(random, 12),
      { picture: 'long', via: 'url' },
      { picture: 'long', via: 'upload' },
    ]);
    const worker = await stack.holderOfPage();
    const canceled = random.shuffled(entries).slice(0, 7);
    const cancels = Promise.all(
      canceled.map(async (entry) => {
        await delay(random.below(400));
        await ledger.cancel(entry);
      }),
    );
    await delay(random.below(400));
    await worker.kill();
    const endedAt = Date.now();
    await Promise.all([cancels, stack.startWorker()]);
    await ledger.settle('cancels and a killed worker', { endedAt });
  });

  test('SIGTERM with a page that outlasts the grace: it is given back', oneByOne, async () => {
    const { stack, ledger } = get();
    await ledger.submitMany([...mixedOrders(random, 6), { picture: 'long', via: 'upload' }]);
    const worker = await stack.holderOfPage();
    const stopped = worker.stop();
    await stack.startWorker();
    expect(await stopped).toEqual({ code: 0, signal: null });
    await ledger.settle('SIGTERM of a worker', { endedAt: Date.now() });
  });

  testDurableAftermath(get);
});
