import { createHmac, randomUUIDv7 } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createWebhookPoster } from '@glyphmill/core/fetch';
import { createRegistry } from '@glyphmill/core/metrics';
import type { NewJob } from '@glyphmill/core/store';
import { serve, type TestServer } from '@glyphmill/test-servers/http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createOutbox, type Outbox } from '../src/upkeep/outbox.ts';
import { sampleResult } from './fake-queue.ts';
import { type JobsFixture, openJobsFixture, withFaults } from './jobs-app.ts';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';

const secret = 'a-secret-of-the-tests';
const token = 'hush-hush';

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let fixture: JobsFixture;
let receiver: TestServer;
let received: Received[];
/** What the receiver does with a message. */
let answer: (response: ServerResponse, message: Received) => void;
let now: number;
const logs = createLogRecorder();
const forever = new AbortController().signal;

beforeEach(async () => {
  fixture = await openJobsFixture();
  received = [];
  answer = (response) => response.writeHead(204).end();
  now = Date.now();
  receiver = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = { headers: request.headers, body: Buffer.concat(chunks).toString() };
      received.push(message);
      answer(response, message);
    });
  });
});

afterEach(async () => {
  await receiver.close();
  await fixture.close();
});

function createTestOutbox(options: { key?: string; timeoutMs?: number; allowCidrs?: readonly string[] } = {}) {
  const { key = secret, timeoutMs = 5_000, allowCidrs = ['127.0.0.1/32'] } = options;
  const registry = createRegistry('api');
  const outbox: Outbox = createOutbox({
    store: fixture.store,
    post: createWebhookPoster({ timeoutMs, allowCidrs }),
    timeoutMs,
    secret: key,
    logger: logs.logger,
    registry,
    now: () => now,
    random: () => 0,
  });
  const count = async (outcome: string): Promise<number> => {
    const values = (await registry.getSingleMetric('glyphmill_webhooks_total')?.get())?.values ?? [];
    return values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0;
  };
  return { deliverDue: () => outbox.deliverDue(forever), count };
}

function callback(port = receiver.port): string {
  return `http://127.0.0.1:${port}/done?token=${token}`;
}

async function accept(callbackUrl = callback()): Promise<string> {
  const id = randomUUIDv7();
  const source = { kind: 'url', url: 'https://example.com/card.png' } as const;
  const job: NewJob = { id, lane: 'bulk', priority: 100, source, callbackUrl, metadata: { order: 7 } };
  await fixture.store.accept([job]);
  return id;
}

async function end(id: string, how: 'succeeded' | 'failed'): Promise<void> {
  const { store } = fixture;
  const generation = (await store.get(id))?.generation ?? 0;
  const claimed = await store.claim({ id, generation, workerId: 'w', leaseMs: 60_000 });
  if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
  const page = { result: sampleResult, sha256: 'a'.repeat(64), engineVersion: '0' };
  const error = { code: 'image_unreadable', message: 'Broken', retryable: false } as const;
  await (how === 'succeeded' ? store.finishSucceeded(claimed.claim, page) : store.finishFailed(claimed.claim, error));
}

/** As a receiver checks it, from the published description of the scheme. */
function isSignedWith(key: Buffer, { headers, body }: Received): boolean {
  const signed = `${headers['webhook-id'] as string}.${headers['webhook-timestamp'] as string}.${body}`;
  const wanted = createHmac('sha256', key).update(signed).digest('base64');
  return headers['webhook-signature'] === `v1,${wanted}`;
}

function bodyOf({ body }: Received) {
  return JSON.parse(body) as { type: string; data: { id: string; state: string; error?: { code: string } } };
}

describe('the end of a job', () => {
  test('is told once, signed, with the job as GET gives it', async () => {
    const outbox = createTestOutbox();
    const id = await accept();
    await outbox.deliverDue();
    expect(received).toEqual([]);
    await end(id, 'succeeded');
    await outbox.deliverDue();
    await outbox.deliverDue();
    expect(received).toHaveLength(1);
    const [message] = received;
    expect(isSignedWith(Buffer.from(secret), message!)).toBe(true);
    expect(Math.abs(Number(message!.headers['webhook-timestamp']) * 1000 - now)).toBeLessThan(1000);
    expect(bodyOf(message!)).toMatchObject({
      type: 'job.succeeded',
      data: { id, state: 'succeeded', metadata: { order: 7 }, result: { count: sampleResult.lines.length } },
    });
    expect(await outbox.count('delivered')).toBe(1);
  });

  test.each([
    ['job.failed', (id: string) => end(id, 'failed')],
    ['job.canceled', async (id: string) => void (await fixture.store.cancel(id))],
  ])('%s', async (type, endJob) => {
    const id = await accept();
    await endJob(id);
    await createTestOutbox().deliverDue();
    expect(received.map((message) => bodyOf(message).type)).toEqual([type]);
  });

  test('is signed with the decoded key where the secret was made for the scheme', async () => {
    const key = Buffer.from('0123456789abcdef0123456789abcdef0123456789abcdef', 'hex');
    await end(await accept(), 'failed');
    await createTestOutbox({ key: `whsec_${key.toString('base64')}` }).deliverDue();
    expect(isSignedWith(key, received[0]!)).toBe(true);
  });

  test('of a job that was replayed since is told with its next end', async () => {
    const outbox = createTestOutbox();
    const id = await accept();
    await end(id, 'failed');
    await fixture.store.retryFailed(id);
    await outbox.deliverDue();
    expect(received).toEqual([]);
    await end(id, 'succeeded');
    await outbox.deliverDue();
    expect(received.map((message) => bodyOf(message).type)).toEqual(['job.succeeded']);
  });

  test('of a job that was replayed and has ended again is told once, as it is', async () => {
    const id = await accept();
    await end(id, 'failed');
    await fixture.store.retryFailed(id);
    await delay(5);
    await end(id, 'succeeded');
    await createTestOutbox().deliverDue();
    expect(received.map((message) => bodyOf(message).type)).toEqual(['job.succeeded']);
  });

  test('is told of many jobs', async () => {
    const ids = await Promise.all(Array.from({ length: 100 }, () => accept()));
    await Promise.all(ids.map((id) => end(id, 'failed')));
    await createTestOutbox().deliverDue();
    expect(received.map((message) => bodyOf(message).data.id).toSorted()).toEqual(ids.toSorted());
  });
});

describe('a receiver that does not take it', () => {
  test('is asked again later, with the same id and a new time', async () => {
    const outbox = createTestOutbox();
    await end(await accept(), 'failed');
    answer = (response) => response.writeHead(500).end();
    await outbox.deliverDue();
    await outbox.deliverDue();
    expect(received).toHaveLength(1);
    expect(await outbox.count('failed')).toBe(1);
    answer = (response) => response.writeHead(200).end();
    // The first delay is half of 5 s at least; the store has a clock of its own.
    const [first] = received;
    await expect
      .poll(
        async () => {
          now = Date.now();
          await outbox.deliverDue();
          return received.length;
        },
        { timeout: 10_000, interval: 250 },
      )
      .toBe(2);
    const [, second] = received;
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(isSignedWith(Buffer.from(secret), second!)).toBe(true);
    expect(await fixture.store.takeDueEvents({ limit: 10, leaseMs: 1 })).toEqual([]);
  });

  test.each([
    ['is gone (410)', () => callback(), {}],
    ['lives where nothing may be sent', () => callback(), { allowCidrs: [] }],
    ['has no address that could be asked', () => 'ftp://example.com/', {}],
  ])('is not asked again: it %s', async (_what, url, options) => {
    const outbox = createTestOutbox(options);
    answer = (response) => response.writeHead(410).end();
    await end(await accept(url()), 'failed');
    await outbox.deliverDue();
    expect(await outbox.count('given_up')).toBe(1);
    expect(await fixture.store.takeDueEvents({ limit: 10, leaseMs: 1 })).toEqual([]);
  });

  test('may redirect, but is not followed', async () => {
    const outbox = createTestOutbox();
    answer = (response) => response.writeHead(307, { location: `http://127.0.0.1:${receiver.port}/else` }).end();
    await end(await accept(), 'failed');
    await outbox.deliverDue();
    expect(received).toHaveLength(1);
    expect(await outbox.count('failed')).toBe(1);
  });

  test.each([
    [429, 600_000],
    [503, 600_000],
    [500, 2_500],
  ])('with %i and Retry-After: asked again after %i ms', async (status, retryInMs) => {
    logs.lines.length = 0;
    await end(await accept(), 'failed');
    answer = (response) => response.writeHead(status, { 'retry-after': '600' }).end();
    await createTestOutbox().deliverDue();
    expect(logs.lines.map(({ fields }) => fields['retryInMs'])).toEqual([retryInMs]);
  });

  test('and takes its time holds up nobody, and gets few at once', async () => {
    const answers: ServerResponse[] = [];
    const slow = await serve((request, response) => {
      request.resume();
      answers.push(response);
    });
    const outbox = createTestOutbox({ timeoutMs: 60_000 });
    let delivering: Promise<void> | undefined;
    try {
      // Those of the slow one are the oldest, and more than are taken at once.
      for (const url of [...Array<string>(40).fill(callback(slow.port)), ...Array<string>(40).fill(callback())]) {
        await end(await accept(url), 'failed');
      }
      delivering = outbox.deliverDue();
      await expect.poll(() => received.length, { timeout: 20_000 }).toBe(40);
      expect(answers.length).toBeLessThanOrEqual(4);
    } finally {
      await slow.close();
      await delivering;
    }
    expect(await outbox.count('delivered')).toBe(40);
  });

  test('and hangs holds up the others for one time limit, and then not at all', async () => {
    const outbox = createTestOutbox({ timeoutMs: 1_000 });
    const hung: Received[] = [];
    const hanging = await serve((request) => {
      hung.push({ headers: request.headers, body: '' });
    });
    try {
      await end(await accept(callback(hanging.port)), 'failed');
      await end(await accept(), 'failed');
      await outbox.deliverDue();
      expect(received).toHaveLength(1);
      // Another one to the receiver that hangs is not even tried.
      await end(await accept(callback(hanging.port)), 'failed');
      await end(await accept(), 'failed');
      await outbox.deliverDue();
      expect(received).toHaveLength(2);
      expect(hung).toHaveLength(1);
    } finally {
      await hanging.close();
    }
  });
});

test('an event that was taken by a process that died comes back', async () => {
  await end(await accept(), 'failed');
  const [taken] = await fixture.store.takeDueEvents({ limit: 1, leaseMs: 300 });
  const outbox = createTestOutbox();
  await outbox.deliverDue();
  expect(received).toEqual([]);
  await expect
    .poll(
      async () => {
        await outbox.deliverDue();
        return received.length;
      },
      { timeout: 5_000 },
    )
    .toBe(1);
  expect(received[0]!.headers['webhook-id']).toBe(taken!.id);
});

test('what a round has taken and not begun to send when it is ended is due at once, untried', async () => {
  for (let index = 0; index < 20; index += 1) await end(await accept(), 'failed');
  const stopping = new AbortController();
  const begun: string[] = [];
  const ended = createOutbox({
    store: fixture.store,
    post(_url, { headers, signal }) {
      begun.push(headers['webhook-id'] ?? '');
      stopping.abort();
      return Promise.reject(new Error(String(signal.reason)));
    },
    timeoutMs: 5_000,
    secret,
    logger: logs.logger,
    registry: createRegistry('api'),
  });
  await ended.deliverDue(stopping.signal);
  expect(begun).toHaveLength(1);

  const events = await fixture.store.takeDueEvents({ limit: 50, leaseMs: 60_000 });
  expect(events).toHaveLength(19);
  expect(new Set(events.map(({ tries }) => tries))).toEqual(new Set([0]));
  // What may have arrived comes back by itself.
  expect(events.map(({ id }) => id)).not.toContain(begun[0]);
});

test('a round that is ended while it takes events begins none of them', async () => {
  await end(await accept(), 'failed');
  const stopping = new AbortController();
  const ended = createOutbox({
    store: withFaults(fixture.store, {
      async takeDueEvents(query) {
        const events = await fixture.store.takeDueEvents(query);
        stopping.abort();
        return events;
      },
    }),
    post: () => Promise.reject(new Error('Nothing is to be sent')),
    timeoutMs: 5_000,
    secret,
    logger: logs.logger,
    registry: createRegistry('api'),
  });
  await ended.deliverDue(stopping.signal);
  await createTestOutbox().deliverDue();
  expect(received).toHaveLength(1);
});

test('neither the secret nor the URL, nor what was read, is logged', async () => {
  answer = (response) => response.writeHead(503).end();
  await end(await accept(), 'succeeded');
  await createTestOutbox().deliverDue();
  const text = JSON.stringify(logs.lines);
  expect(text).toContain('A webhook was not delivered');
  for (const hidden of [secret, token, ...sampleResult.lines.map((line) => line.text)]) {
    expect(text).not.toContain(hidden);
  }
});
