import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiProcess, startApi } from './api-process.ts';
import { acceptedShape, batchShape, formBody, imageUrl, jobShape, pageShape } from './jobs-app.ts';
import { type ScriptedWorker, startScriptedWorker } from './scripted-worker.ts';

const heldUrl = `${imageUrl}&hold`;

let redis: TestRedis;
let folder: string;
let worker: ScriptedWorker;
let api: ApiProcess;

const databaseUrl = () => `file:${join(folder, 'ocr_data.db')}`;
const environment = () => ({ REDIS_URL: redis.url, DATA_DIR: folder });

beforeAll(async () => {
  redis = await startRedis();
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-durable-'));
  api = await startApi({ ...environment(), MAX_IMAGE_BYTES: '400MB' });
  worker = await startScriptedWorker({ redisUrl: redis.url, databaseUrl: databaseUrl() });
});
afterAll(async () => {
  await worker.close();
  await api.stop();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

function post(body: unknown, { headers = {}, to = api }: { headers?: Record<string, string>; to?: ApiProcess } = {}) {
  return fetch(`${to.url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

const submit = async (url = imageUrl, to = api) =>
  acceptedShape.parse(await (await post({ image_url: url }, { to })).json()).id;
const jobOf = async (id: string, from = api) => jobShape.parse(await (await fetch(`${from.url}/jobs/${id}`)).json());
const stateOf = async (id: string, from = api) => (await jobOf(id, from)).state;

describe('a job through the queue', () => {
  test('is read, and who polls sees it end', async () => {
    const id = await submit();
    await expect.poll(() => stateOf(id), { timeout: 20_000 }).toBe('succeeded');
    expect(await jobOf(id)).toMatchObject({ attempts: 1, result: { count: 1, data: [{ text: 'STEAM' }] } });
  });

  test('who waits gets the job itself', async () => {
    const response = await post({ image_url: imageUrl }, { headers: { prefer: 'wait=20' } });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ state: 'succeeded', result: { count: 1 } });
  });

  test('a batch of uploads is waited for as a whole', async () => {
    const body = formBody(Array.from({ length: 20 }, (_, n) => ({ name: 'f', filename: `${n}.png`, content: `${n}` })));
    const response = await fetch(`${api.url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=frontier', prefer: 'wait=20' },
      body,
    });
    expect(response.status).toBe(200);
    const { batch, jobs } = batchShape.parse(await response.json());
    expect(new Set(jobs.map(({ state }) => state))).toEqual(new Set(['succeeded']));
    const page = pageShape.parse(await (await fetch(`${api.url}/jobs?batch=${batch}&state=succeeded`)).json());
    expect(page.jobs).toHaveLength(20);
  });

  test('canceled while it is read, its worker is told at once', async () => {
    const id = await submit(heldUrl);
    await expect.poll(() => stateOf(id), { timeout: 20_000 }).toBe('active');
    expect((await fetch(`${api.url}/jobs/${id}`, { method: 'DELETE' })).status).toBe(200);
    await expect.poll(() => worker.stopped, { timeout: 20_000 }).toContain(id);
    expect(await stateOf(id)).toBe('canceled');
  });

  test('another process of the API sees the same', async () => {
    const other = await startApi(environment());
    const id = await submit(imageUrl, other);
    await expect.poll(() => stateOf(id), { timeout: 20_000 }).toBe('succeeded');
    await other.stop();
  });
});

describe('events', () => {
  test('come as they happen, to all who listen, and end with the job', async () => {
    const own = await startScriptedWorkerApart();
    const id = await submit(heldUrl, own.api);
    const streams = [0, 1, 2].map(async () => (await fetch(`${own.api.url}/jobs/${id}/events`)).text());
    await expect.poll(() => stateOf(id, own.api), { timeout: 20_000 }).toBe('active');
    await delay(50);
    own.worker.release();
    for (const text of await Promise.all(streams)) {
      const states = [...text.matchAll(/^id: (\w+)$/gm)].map((match) => match[1]);
      expect(states.at(-1)).toBe('succeeded');
      expect(new Set(states).size).toBe(states.length);
    }
    await own.close();
  });

  test('a listener that hangs up is let go', async () => {
    const id = await submit(heldUrl);
    const hangUp = new AbortController();
    const response = await fetch(`${api.url}/jobs/${id}/events`, { signal: hangUp.signal });
    await response.body?.getReader().read();
    const open = async () =>
      /^glyphmill_event_streams\{.*\} (\d+)/m.exec(await (await fetch(`${api.opsUrl}/metrics`)).text())?.[1];
    expect(await open()).toBe('1');
    hangUp.abort();
    await expect.poll(open, { timeout: 20_000 }).toBe('0');
    await fetch(`${api.url}/jobs/${id}`, { method: 'DELETE' });
  });
});

/** An API and a worker with a database and a Redis of their own. */
async function startScriptedWorkerApart() {
  const ownRedis = await startRedis();
  const ownFolder = await mkdtemp(join(tmpdir(), 'glyphmill-durable-'));
  const ownApi = await startApi({ REDIS_URL: ownRedis.url, DATA_DIR: ownFolder });
  const ownUrl = `file:${join(ownFolder, 'ocr_data.db')}`;
  const ownWorker = await startScriptedWorker({ redisUrl: ownRedis.url, databaseUrl: ownUrl });
  return {
    redis: ownRedis,
    api: ownApi,
    worker: ownWorker,
    async close() {
      await ownWorker.close();
      await ownApi.stop();
      await ownRedis.stop();
      await rm(ownFolder, { recursive: true, force: true });
    },
  };
}

describe('without Redis', () => {
  test('jobs are accepted, canceled, waited for and heard of', async () => {
    const own = await startScriptedWorkerApart();
    await own.redis.kill();
    const id = await submit(heldUrl, own.api);
    const canceled = await submit(heldUrl, own.api);
    expect((await fetch(`${own.api.url}/jobs/${canceled}`, { method: 'DELETE' })).status).toBe(200);
    const events = fetch(`${own.api.url}/jobs/${id}/events`).then((response) => response.text());
    const waiting = post(
      { image_url: heldUrl },
      { headers: { prefer: 'wait=30', 'idempotency-key': 'waiting' }, to: own.api },
    );
    await delay(500);
    const held = await submitAgain(own.api);
    for (const job of [id, held]) await endByHand(own.worker, job);
    expect(await (await waiting).json()).toMatchObject({ id: held, state: 'succeeded' });
    expect(await events).toContain('id: succeeded');
    expect((await fetch(own.api.url)).status).toBe(200);
    await own.redis.start();
    await own.close();
  });

  /** The job of the request that waits: the key tells it. */
  async function submitAgain(to: ApiProcess): Promise<string> {
    const response = await post({ image_url: heldUrl }, { headers: { 'idempotency-key': 'waiting' }, to });
    return acceptedShape.parse(await response.json()).id;
  }

  async function endByHand({ store }: ScriptedWorker, id: string): Promise<void> {
    const job = await store.get(id);
    const claimed = await store.claim({ id, generation: job?.generation ?? 0, workerId: 'w', leaseMs: 20_000 });
    if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
    const result = { width: 1, height: 1, model: 'small', lines: [], timings: {} };
    await store.finishSucceeded(claimed.claim, { result, sha256: 'a'.repeat(64), engineVersion: '1' });
  }
});

describe('an upload', () => {
  const chunk = Buffer.alloc(1_000_000, 7);
  const head = formBody([{ name: 'f', filename: 'large.png', content: '' }]).slice(0, -'\r\n--frontier--\r\n'.length);

  function startUpload(): { request: ClientRequest; response: Promise<IncomingMessage> } {
    const request = httpRequest(`${api.url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=frontier' },
    });
    const response = once(request, 'response').then(([message]) => message as IncomingMessage);
    response.catch(() => undefined);
    request.on('error', () => undefined);
    request.write(head);
    return { request, response };
  }

  const residentBytes = () =>
    Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${api.child.pid}/status`, 'utf8'))?.[1]) * 1024;
  const incoming = () => readdir(join(folder, 'blobs', 'incoming'));

  test('of 300 MB takes no memory to speak of', async () => {
    const before = residentBytes();
    let peak = 0;
    const { request, response } = startUpload();
    for (let sent = 0; sent < 300; sent++) {
      if (!request.write(chunk)) await once(request, 'drain');
      peak = Math.max(peak, residentBytes());
    }
    request.end('\r\n--frontier--\r\n');
    expect((await response).statusCode).toBe(202);
    (await response).resume();
    expect(peak - before).toBeLessThan(120_000_000);
  });

  test('that is cut off leaves nothing', async () => {
    const jobs = async () => pageShape.parse(await (await fetch(`${api.url}/jobs?limit=1000`)).json()).jobs.length;
    const before = await jobs();
    const { request } = startUpload();
    for (let sent = 0; sent < 5; sent++) request.write(chunk);
    await expect.poll(async () => (await incoming()).length, { timeout: 20_000 }).toBe(1);
    request.destroy();
    await expect.poll(async () => (await incoming()).length, { timeout: 20_000 }).toBe(0);
    expect(await jobs()).toBe(before);
    expect(api.output()).not.toContain('"level":"error"');
  });

  test('that is too large is refused while it is still coming', async () => {
    const small = await startApi({ ...environment(), MAX_IMAGE_BYTES: '1MB' });
    const request = httpRequest(`${small.url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=frontier' },
    });
    request.on('error', () => undefined);
    request.write(head);
    const pump = setInterval(() => request.write(chunk), 5);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    let text = '';
    response.on('data', (part: Buffer) => (text += part.toString()));
    await once(response, 'end');
    clearInterval(pump);
    request.destroy();
    expect(JSON.parse(text)).toMatchObject({ code: 'image_too_large', errors: [{ pointer: '/files/0' }] });
    await small.stop();
  });
});

describe('its end', () => {
  test('SIGTERM answers who waits and ends the streams, without using up the grace', async () => {
    const own = await startScriptedWorkerApart();
    const id = await submit(heldUrl, own.api);
    const events = fetch(`${own.api.url}/jobs/${id}/events`).then((response) => response.text());
    const waiting = post({ image_url: heldUrl }, { headers: { prefer: 'wait=300' }, to: own.api });
    const heard = async () =>
      /^glyphmill_event_streams\{.*\} (\d+)/m.exec(await (await fetch(`${own.api.opsUrl}/metrics`)).text())?.[1];
    await expect.poll(heard, { timeout: 20_000 }).toBe('1');
    await expect.poll(async () => (await own.worker.store.countUnfinished()) === 2, { timeout: 20_000 }).toBe(true);
    await delay(200);
    own.api.child.kill('SIGTERM');
    expect((await waiting).status).toBe(202);
    expect(await events).toContain('event: state');
    expect(await own.api.exited).toBe(0);
    await own.close();
  });

  test('what was accepted right before is sent before it goes', async () => {
    const own = await startScriptedWorkerApart();
    const images = Array.from({ length: 1000 }, () => ({ image_url: imageUrl }));
    const response = await post({ images }, { to: own.api });
    expect(response.status).toBe(202);
    own.api.child.kill('SIGTERM');
    expect(await own.api.exited).toBe(0);
    await expect.poll(() => own.worker.store.countUnfinished(), { timeout: 60_000 }).toBe(0);
    await own.close();
  });
});

test('its log has no text, no image and no URL of any of this', () => {
  expect(api.output()).toContain('"route":"/jobs"');
  expect(api.output()).not.toContain('STEAM');
  expect(api.output()).not.toContain('hush');
  expect(api.output()).not.toContain('large.png');
});
