import { createHmac, randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { serve, type TestServer } from '@glyphmill/test-servers/http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type DurableStack,
  isSlowRun,
  mixedOrders,
  testDurableAftermath,
  useDurableStack,
} from './src/durable-stack.ts';
import { readJobs } from './src/audit.ts';
import { delay, eventually } from './src/eventually.ts';
import { randomFor } from './src/seed.ts';
import type { ServiceProcess } from './src/service-process.ts';
import { allowedAddress } from './src/stack.ts';
import { UploadFolder } from './src/upload-folder.ts';

const random = randomFor('durable API faults');
const rounds = isSlowRun ? 10 : 3;

/** How many of the jobs that the database holds are of clients that never heard so. */
async function countKeptUnheard({ ledger }: DurableStack): Promise<number> {
  const keys = new Set((await readJobs(ledger.database)).map(({ key }) => key));
  return ledger.entries.filter(({ fate, key }) => fate !== 'accepted' && keys.has(key)).length;
}

const oneByOne = { concurrent: false } as const;

describe('kill -9 of the API', { concurrent: true }, () => {
  const get = useDurableStack();

  /** Another one in its place, and clients that repeat what was not answered. */
  async function replaceApi(): Promise<number> {
    const { stack, ledger } = get();
    await stack.api.kill();
    await stack.startApi();
    const endedAt = Date.now();
    await ledger.insist();
    return endedAt;
  }

  test(
    'before the commit: nothing is kept, and the client that repeats its request gets one job',
    oneByOne,
    async () => {
      const { stack, ledger } = get();
      const uploads = new UploadFolder(stack.dataDir);
      const pictures = ['giftCard', 'small', 'long', 'blank'] as const;
      const files = () => Promise.all(pictures.map((picture) => uploads.fileOf(stack.pictures[picture])));
      const before = await files();
      const unlock = await ledger.database.lock();
      const sent = ledger.submitMany([
        ...pictures.map((picture) => ({ picture, via: 'upload' }) as const),
        ...mixedOrders(random, 4),
      ]);
      try {
        // An upload that is stored has come whole, and nothing is left to do but the commit.
        await eventually(async () => (await files()).every((file, index) => file !== before[index]), {
          timeoutMs: 60_000,
          what: 'the uploads to be stored',
        });
        await stack.api.kill();
      } finally {
        await unlock();
      }
      const entries = await sent;
      const told = entries.map(({ fate, refusal }) => refusal?.code ?? fate);
      expect(told).toContain('unknown');
      // A slow machine has given up some of them before.
      expect(told.filter((fate) => !['unknown', 'store_unavailable'].includes(fate))).toEqual([]);
      expect(await countKeptUnheard(get())).toBe(0);
      await ledger.settle('API killed before the commit', { endedAt: await replaceApi() });
    },
  );

  test('after the commit, before the queue has the jobs', oneByOne, async () => {
    const { stack, ledger } = get();
    stack.networkOf(stack.api).blackhole();
    const entries = await ledger.submitMany(mixedOrders(random, 6));
    expect(new Set(entries.map(({ fate }) => fate))).toEqual(new Set(['accepted']));
    await ledger.settle('API killed after the commit', { endedAt: await replaceApi() });
  });

  test('while clients wait for the end: they repeat their request and get the same job', oneByOne, async () => {
    const { stack, ledger } = get();
    const waiting = ledger.submitMany([
      { picture: 'long', via: 'upload', waitSeconds: 60 },
      { picture: 'long', via: 'url', waitSeconds: 60 },
    ]);
    await stack.busyEngine();
    await stack.api.kill();
    const entries = await waiting;
    expect(entries.map(({ fate }) => fate)).toEqual(['unknown', 'unknown']);
    expect(await countKeptUnheard(get())).toBe(2);
    await ledger.settle('API killed while clients wait', { endedAt: await replaceApi() });
  });

  test('in the middle of uploads', oneByOne, async () => {
    const { stack, ledger } = get();
    const folder = new UploadFolder(stack.dataDir);
    const before = await folder.unfinished();
    const uploads = Promise.all([1, 2, 3].map(() => ledger.submitHalf({ picture: 'giftCard', via: 'upload' })));
    const begun = async () => (await folder.unfinished()).filter((name) => !before.includes(name)).length;
    await eventually(async () => (await begun()) === 3, { timeoutMs: 30_000, what: 'the uploads to begin' });
    await stack.api.kill();
    expect(await begun()).toBe(3);
    for (const { fate } of await uploads) expect(fate).toBe('unknown');
    expect(await countKeptUnheard(get())).toBe(0);
    await ledger.settle('API killed during uploads', { endedAt: await replaceApi() });
  });

  test('at random moments of many submissions', oneByOne, async () => {
    const { stack, ledger } = get();
    let kept = 0;
    for (let round = 0; round < rounds; round++) {
      const before = ledger.entries.length;
      const sent = ledger.submitMany(mixedOrders(random, 30));
      // From the first bytes to the last answer of them.
      await delay(random.below(120));
      await stack.api.kill();
      await sent;
      kept += await countKeptUnheard(get());
      const fates = Object.groupBy(ledger.entries.slice(before), ({ fate }) => fate);
      console.log(`killed with ${fates.accepted?.length ?? 0} of 30 accepted`);
      await ledger.settle('API killed at random', { endedAt: await replaceApi() });
    }
    console.log(`${kept} jobs were kept without their client hearing so`);
  });

  test('SIGTERM under load: whoever was connected is answered', oneByOne, async () => {
    const { stack, ledger } = get();
    const waiting = ledger.submit({ picture: 'long', via: 'upload', waitSeconds: 60 });
    const connected = ledger.submitMany(mixedOrders(random, 20));
    await eventually(() => ledger.entries.some(({ fate }) => fate === 'accepted'), { timeoutMs: 5_000, what: 'a 202' });
    await connected;
    expect(await stack.api.stop()).toEqual({ code: 0, signal: null });
    expect((await waiting).fate).toBe('accepted');
    await stack.startApi();
    await ledger.settle('SIGTERM of the API', { endedAt: Date.now() });
  });

  testDurableAftermath(get);
});

describe('two APIs, of which one leads the upkeep', { concurrent: true }, () => {
  const get = useDurableStack({ database: 'postgres' });
  let leader: ServiceProcess;
  beforeAll(async () => {
    const { stack } = get();
    leader = stack.api;
    // From here on requests go to the other one.
    await stack.startApi();
  });

  test('the leader stands still while Redis forgets: the other one sends all jobs again', oneByOne, async () => {
    const { stack, ledger } = get();
    await ledger.submitMany([...mixedOrders(random, 10), { picture: 'long', via: 'upload' }]);
    await stack.busyEngine();
    leader.signal('SIGSTOP');
    await stack.redis.client.flushall();
    const endedAt = Date.now();
    await ledger.submitMany(mixedOrders(random, 5));
    await ledger.settle('FLUSHALL under a leader that stands still', { endedAt });
    await ledger.submitMany(mixedOrders(random, 5));
    leader.signal('SIGCONT');
    await ledger.settle('the former leader is back', { endedAt: Date.now() });
  });

  test('kill -9 of the leader, after jobs were accepted that the queue has not heard of', oneByOne, async () => {
    const { stack, ledger } = get();
    for (const api of [leader, stack.api]) stack.networkOf(api).blackhole();
    const entries = await ledger.submitMany(mixedOrders(random, 8));
    expect(new Set(entries.map(({ fate }) => fate))).toEqual(new Set(['accepted']));
    await leader.kill();
    // What was on its way to the queue does not get there.
    stack.networkOf(stack.api).cut();
    stack.networkOf(stack.api).heal();
    await ledger.settle('kill -9 of one of two APIs', { endedAt: Date.now() });
  });

  testDurableAftermath(get);
});

describe('webhooks', { concurrent: true }, () => {
  const secret = `secret-${randomBytes(16).toString('hex')}`;
  const get = useDurableStack({ api: { WEBHOOK_SECRET: secret } });
  /** What was answered with a 2xx: event ids by job. */
  const heard = new Map<string, Set<string>>();
  /** Event ids of which one try was refused: the waits between tries soon last minutes. */
  const refused = new Set<string>();
  let receiver: TestServer;
  beforeAll(async () => {
    receiver = await serve((request, response) => {
      void text(request).then((body) => {
        const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = request.headers;
        const expected = createHmac('sha256', secret)
          .update(`${String(id)}.${String(timestamp)}.${body}`)
          .digest('base64');
        const job = (JSON.parse(body) as { data: { id: string } }).data.id;
        const isRefused = signature !== `v1,${expected}` || (!refused.has(String(id)) && random.below(3) === 0);
        if (isRefused) refused.add(String(id));
        else heard.set(job, (heard.get(job) ?? new Set()).add(String(id)));
        response.writeHead(isRefused ? 500 : 204).end();
      });
    }, allowedAddress);
  });
  afterAll(() => receiver?.close());

  test('the end of each job is told at least once, whoever dies meanwhile', oneByOne, async () => {
    const { stack, ledger } = get();
    const callbackUrl = `http://${allowedAddress}:${receiver.port}/hook`;
    const entries = await ledger.submitMany(mixedOrders(random, 12).map((order) => ({ ...order, callbackUrl })));
    await delay(random.below(1_000));
    // What a killed one had taken, or a stopped one was sending, is told by another when its minute is over.
    if (isSlowRun) await stack.api.kill();
    else await stack.api.stop();
    await stack.startApi();
    const endedAt = Date.now();
    await ledger.settle('webhooks', { endedAt });
    await eventually(() => entries.every(({ id }) => heard.has(id!)), {
      timeoutMs: isSlowRun ? 180_000 : 120_000,
      what: 'all webhooks to arrive',
    });
    console.log(`${entries.length} webhooks arrived, ${refused.size} at the second try`);
    expect([...heard.values()].map((events) => events.size)).toEqual(entries.map(() => 1));
  });

  testDurableAftermath(get);
});
