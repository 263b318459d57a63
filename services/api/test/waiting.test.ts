import { OcrError } from '@glyphmill/core/errors';
import type { JobState } from '@glyphmill/core/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createJobWatch } from '../src/jobs/job-watch.ts';
import { sampleResult } from './fake-queue.ts';
import {
  acceptedShape,
  batchShape,
  createJobsApp,
  imageUrl,
  type JobsApp,
  type JobsFixture,
  jobShape,
  openJobsFixture,
  runJob,
  withFaults,
} from './jobs-app.ts';
import { problemOf } from './test-app.ts';

let fixture: JobsFixture;
let app: JobsApp;

beforeAll(async () => {
  fixture = await openJobsFixture();
  app = createJobsApp(fixture);
});
afterAll(() => fixture.close());

/** Runs each job as soon as the queue has it, as a worker would. */
function workOn(jobs: JobsApp, end: 'succeeded' | 'image_unreadable' = 'succeeded') {
  const runs: Promise<void>[] = [];
  jobs.queue.work = (payload) => {
    runs.push(runJob(fixture.store, payload.id, end));
    return undefined;
  };
  return { settled: () => Promise.all(runs) };
}

describe('Prefer: wait', () => {
  test.each(['succeeded', 'image_unreadable'] as const)(
    'a single that ended with %s is answered whole',
    async (end) => {
      const own = createJobsApp(fixture);
      const work = workOn(own, end);
      const response = await own.post({ image_url: imageUrl }, { prefer: 'wait=20' });
      expect(response.status).toBe(200);
      expect(response.headers.get('preference-applied')).toBe('wait');
      const job = jobShape.parse(await response.json());
      expect(response.headers.get('location')).toBe(`/jobs/${job.id}`);
      expect(job).toMatchObject(
        end === 'succeeded' ? { state: end, result: { count: 1 } } : { state: 'failed', error: { code: end } },
      );
      await work.settled();
    },
  );

  test('one that takes longer gets a 202 with its state by then, and goes on', async () => {
    const own = createJobsApp(fixture);
    own.queue.work = (payload) => {
      void runJob(fixture.store, payload.id);
      return undefined;
    };
    const response = await own.post({ image_url: imageUrl }, { prefer: 'wait=1' });
    expect(response.status).toBe(202);
    expect(response.headers.get('preference-applied')).toBe('wait');
    const { id, state } = acceptedShape.parse(await response.json());
    expect(state).toBe('active');
    expect((await fixture.store.get(id))?.state).toBe('active');
  });

  test('a batch is waited for as a whole', async () => {
    const own = createJobsApp(fixture);
    const images = Array.from({ length: 60 }, (_, n) => ({ image_url: `${imageUrl}&n=${n}` }));
    workOn(own);
    const ended = await own.post({ images }, { prefer: 'wait=20' });
    expect(ended.status).toBe(200);
    expect(new Set(batchShape.parse(await ended.json()).jobs.map(({ state }) => state))).toEqual(
      new Set(['succeeded']),
    );
    own.queue.work = (payload) => {
      if (own.queue.payloads.length % 2 === 0) void runJob(fixture.store, payload.id, 'succeeded');
      return undefined;
    };
    const partly = await own.post({ images: images.slice(0, 4) }, { prefer: 'wait=1' });
    expect(partly.status).toBe(202);
    expect(new Set(batchShape.parse(await partly.json()).jobs.map(({ state }) => state))).toEqual(
      new Set(['queued', 'succeeded']),
    );
  });

  test('a repeated request waits for the job that there is', async () => {
    const headers = { 'idempotency-key': 'waited', prefer: 'wait=20' };
    const { id } = await app.submit({ image_url: imageUrl }, { 'idempotency-key': 'waited' });
    const answer = app.post({ image_url: imageUrl }, headers);
    await runJob(fixture.store, id, 'succeeded');
    expect(await (await answer).json()).toMatchObject({ id, state: 'succeeded' });
    expect((await app.post({ image_url: imageUrl }, headers)).status).toBe(200);
  });

  test('draining ends the wait', async () => {
    const own = createJobsApp(fixture);
    const answer = own.post({ image_url: imageUrl }, { prefer: 'wait=60' });
    await own.cleanUps.settled();
    own.lifecycle.drain();
    expect((await answer).status).toBe(202);
  });

  test('takes the interactive lane when there is room in it, else the other', async () => {
    const lanes: string[] = [];
    const own = createJobsApp(fixture);
    const { enqueueMany } = own.queue;
    own.queue.enqueueMany = (lane, entries) => {
      lanes.push(lane);
      return enqueueMany(lane, entries);
    };
    workOn(own);
    const wait = () => own.post({ image_url: imageUrl }, { prefer: 'wait=20' });
    await wait();
    await own.post({ image_url: imageUrl });
    await own.post({ images: [{ image_url: imageUrl }] }, { prefer: 'wait=20' });
    own.queue.depthNow = { waiting: 1000, active: 0, delayed: 0 };
    expect((await wait()).status).toBe(200);
    expect(lanes).toEqual(['interactive', 'bulk', 'bulk', 'bulk']);
  });
});

const eventShape = z.object({ event: z.literal('state'), id: z.string(), data: jobShape });

/** The events of a stream, and the comments in it. */
function parseEvents(text: string) {
  const blocks = text.split('\n\n').filter((block) => block !== '');
  const events = blocks
    .filter((block) => !block.startsWith(':'))
    .map((block) => {
      const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
      return eventShape.parse({ ...fields, data: JSON.parse(String(fields['data'])) });
    });
  return {
    states: events.map(({ id }) => id),
    jobs: events.map(({ data }) => data),
    comments: blocks.length - events.length,
  };
}

const eventsOf = (from: JobsApp, id: string, init: RequestInit = {}) => from.request(`/jobs/${id}/events`, init);

/** Resolves when the stream has said this; gives all that it has said. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, part: string): Promise<string> {
  let text = '';
  while (!text.includes(part)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The stream ended without ${part}: ${text}`);
    text += Buffer.from(value).toString();
  }
  return text;
}

describe('GET /jobs/{id}/events', () => {
  test('tells each state once, the end with the result, and ends', async () => {
    const { id } = await app.submit();
    const response = await eventsOf(app, id);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const text = [await readUntil(reader, 'id: queued')];
    await runJob(fixture.store, id);
    text.push(await readUntil(reader, 'id: active'));
    const job = await fixture.store.get(id);
    const again = await fixture.store.claim({ id, generation: job?.generation ?? 0, workerId: 'w2', leaseMs: 1 });
    if (again.kind !== 'claimed') throw new Error('Not claimed');
    await fixture.store.finishSucceeded(again.claim, {
      result: sampleResult,
      sha256: 'a'.repeat(64),
      engineVersion: '1',
    });
    text.push(await readUntil(reader, 'id: succeeded'));
    expect((await reader.read()).done).toBe(true);
    const { states, jobs } = parseEvents(text.join(''));
    expect(states).toEqual(['queued', 'active', 'succeeded']);
    expect(jobs[0]).not.toHaveProperty('result');
    expect(jobs.at(-1)).toMatchObject({ id, state: 'succeeded', result: { count: 1 } });
  });

  test('of a job that has ended is one event; who has heard it gets 204', async () => {
    const { id } = await app.submit();
    await app.cancel(id);
    expect(parseEvents(await (await eventsOf(app, id)).text()).states).toEqual(['canceled']);
    const again = await eventsOf(app, id, { headers: { 'last-event-id': 'canceled' } });
    expect(again.status).toBe(204);
    const stale = await eventsOf(app, id, { headers: { 'last-event-id': 'queued' } });
    expect(parseEvents(await stale.text()).states).toEqual(['canceled']);
  });

  test('of an ephemeral job too', async () => {
    const own = createJobsApp(fixture, { syncTimeoutMs: 20 });
    const { id } = acceptedShape.parse(await (await own.analyze(imageUrl, { prefer: 'respond-async' })).json());
    const stream = await eventsOf(own, id);
    own.queue.finish(id, { ok: true, result: sampleResult });
    expect(parseEvents(await stream.text()).states).toEqual(['queued', 'succeeded']);
  });

  test('a store that goes away meanwhile ends nothing', async () => {
    const { id } = await app.submit();
    let asked = 0;
    const flaky = withFaults(fixture.store, {
      get: (jobId) => {
        asked++;
        if (asked === 2) return Promise.reject(new OcrError('store_unavailable', 'Away'));
        return fixture.store.get(jobId);
      },
    });
    const own = createJobsApp(fixture, { store: flaky });
    const stream = await eventsOf(own, id);
    await runJob(fixture.store, id, 'succeeded');
    expect(parseEvents(await stream.text()).states.at(-1)).toBe('succeeded');
    expect(asked).toBeGreaterThan(2);
  });

  test('a job that only waits is not looked up again and again', async () => {
    let asked = 0;
    let polled = 0;
    const counting = withFaults(fixture.store, {
      get(id) {
        asked++;
        return fixture.store.get(id);
      },
      states(ids) {
        polled++;
        return fixture.store.states(ids);
      },
    });
    const own = createJobsApp(fixture, { store: counting });
    const { id } = await own.submit();
    const stream = await eventsOf(own, id);
    await expect.poll(() => polled, { timeout: 20_000 }).toBeGreaterThan(5);
    expect(asked).toBeLessThan(4);
    await runJob(fixture.store, id, 'succeeded');
    expect(parseEvents(await stream.text()).states.at(-1)).toBe('succeeded');
  });

  test('HEAD opens no stream', async () => {
    const own = createJobsApp(fixture);
    const { id } = await own.submit();
    const response = await eventsOf(own, id, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await own.registry.getSingleMetricAsString('glyphmill_event_streams')).toMatch(/ 0$/m);
  });

  test('draining ends it', async () => {
    const own = createJobsApp(fixture);
    const { id } = await own.submit();
    const stream = await eventsOf(own, id);
    own.lifecycle.drain();
    expect(parseEvents(await stream.text()).states).toEqual(['queued']);
    await own.cleanUps.settled();
  });

  test('no more of them than there is room for; who leaves makes room', async () => {
    const own = createJobsApp(fixture, { maxEventStreams: 2 });
    const { id } = await own.submit();
    const streams = [await eventsOf(own, id), await eventsOf(own, id)];
    const refused = await eventsOf(own, id);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'queue_full' });
    expect(await own.registry.getSingleMetricAsString('glyphmill_event_streams')).toMatch(/ 2$/m);
    await streams[0]?.body?.cancel();
    await expect.poll(async () => (await eventsOf(own, id)).status).toBe(200);
    own.lifecycle.drain();
    await own.cleanUps.settled();
    expect(await own.registry.getSingleMetricAsString('glyphmill_event_streams')).toMatch(/ 0$/m);
    expect(own.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('the watch', () => {
  const notices = { listen: () => Promise.resolve({ close: () => undefined }) };

  test('asks the store once for all who wait, whatever was lost', async () => {
    const asked: number[] = [];
    const states = new Map<string, JobState>([['a', 'queued']]);
    const watch = createJobWatch({
      store: {
        states(ids) {
          asked.push(ids.length);
          return Promise.resolve(states);
        },
      },
      notices,
      pollIntervalMs: 10,
    });
    const signal = new AbortController().signal;
    const waits = Array.from({ length: 20 }, () => watch.untilEnded(['a'], { timeoutMs: 20_000, signal }));
    await expect.poll(() => asked.length).toBeGreaterThan(22);
    expect(Math.max(...asked)).toBe(1);
    states.set('a', 'succeeded');
    expect(new Set(await Promise.all(waits))).toEqual(new Set([true]));
    const before = asked.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked.length).toBe(before);
    watch.close();
  });

  test('a job that is gone has ended for who waits; a signal and the time end the wait', async () => {
    const watch = createJobWatch({ store: { states: () => Promise.resolve(new Map()) }, notices, pollIntervalMs: 10 });
    const open = createJobWatch({
      store: { states: (ids) => Promise.resolve(new Map(ids.map((id) => [id, 'active']))) },
      notices,
      pollIntervalMs: 10,
    });
    const signal = new AbortController().signal;
    expect(await watch.untilEnded(['gone'], { timeoutMs: 20_000, signal })).toBe(true);
    expect(await open.untilEnded(['a'], { timeoutMs: 20, signal })).toBe(false);
    expect(await open.untilEnded(['a'], { timeoutMs: 20_000, signal: AbortSignal.abort() })).toBe(false);
    watch.close();
    open.close();
  });
});
