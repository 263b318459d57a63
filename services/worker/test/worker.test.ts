import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '@glyphmill/core/queue';
import { serve, serveRaw, type TestServer } from '@glyphmill/test-servers/http';
import {
  eventually,
  isReady,
  openWorkerBench,
  readSample,
  type WorkerBench,
  type WorkerProcess,
} from './worker-bench.ts';

let bench: WorkerBench;
let giftCard: Buffer;
let images: TestServer;
/** Requests that /slow keeps waiting. */
let slow: { requests: number; answer: () => void };

beforeAll(async () => {
  bench = await openWorkerBench();
  giftCard = await readSample('gift-card.png');
  images = await serve((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/gift-card.png') response.end(giftCard);
    else if (path === '/no-image') response.end('<html>');
    else if (path === '/slow') {
      slow.requests += 1;
      const previous = slow.answer;
      slow.answer = () => {
        previous();
        response.end(giftCard);
      };
    } else response.writeHead(404).end();
  });
});
afterAll(async () => {
  await images.close();
  await bench.close();
});

const started: WorkerProcess[] = [];
afterEach(async () => {
  for (const worker of started.splice(0)) {
    worker.child.kill('SIGKILL');
    await worker.exited();
  }
});

async function ready(env?: Record<string, string>, options?: { ipc?: boolean }): Promise<WorkerProcess> {
  slow = { requests: 0, answer: () => undefined };
  const worker = await bench.startWorker(env, options);
  started.push(worker);
  await isReady(worker);
  return worker;
}

const url = (path: string) => ({ kind: 'url', url: `http://127.0.0.1:${images.port}${path}` }) as const;
const texts = (outcome: Outcome) => (outcome.ok ? outcome.result.lines.map(({ text }) => text) : outcome.error);

describe('a worker', () => {
  test('reads images from URLs and from their bytes, and tells of it without what they say', async () => {
    const worker = await ready();
    const outcome = await bench.read(url('/gift-card.png?token=s3cr3t'));
    expect(texts(outcome)).toEqual(expect.arrayContaining(['STEAM', 'XR56L-H4A5Q-87YXF']));
    expect(outcome).toMatchObject({ ok: true, result: { model: 'tiny', timings: { decode: expect.any(Number) } } });
    expect(texts(await bench.read({ kind: 'data' }, { input: giftCard }))).toEqual(texts(outcome));

    for (const [source, code] of [
      [url('/missing'), 'download_failed'],
      [url('/no-image'), 'image_unsupported'],
      [{ kind: 'url', url: 'http://169.254.169.254/latest' }, 'url_not_allowed'],
      [{ kind: 'url', url: 'http://user:s3cr3t@127.0.0.1/' }, 'url_not_allowed'],
      [{ kind: 'blob', sha256: 'a'.repeat(64) }, 'store_unavailable'],
    ] as const) {
      expect(await bench.read(source)).toMatchObject({ ok: false, error: { code } });
    }

    const metrics = await (await worker.ops('/metrics')).text();
    expect(metrics).toMatch(/glyphmill_pages_total\{outcome="succeeded",lane="interactive".*\} 2/);
    expect(metrics).toMatch(/glyphmill_pages_total\{outcome="url_not_allowed",lane="interactive".*\} 2/);
    expect(metrics).toMatch(/glyphmill_engine_processes\{state="idle".*\} 1/);
    expect(metrics).toMatch(
      /glyphmill_model_info\{model="tiny",provider="cpu",precision="(?:int8|fp32)",role="recognizer",sha256="[0-9a-f]{12}"/,
    );
    expect(metrics.match(/glyphmill_model_info\{.*\} 1/g)).toHaveLength(3);
    expect(metrics).toMatch(/glyphmill_worker_draining\{.*\} 0/);
    const countOf = (metric: string, ...labels: string[]) =>
      metrics
        .split('\n')
        .find((line) => line.startsWith(`${metric}{`) && labels.every((label) => line.includes(label)))
        ?.split(' ')
        .at(-1);
    const interactive = 'lane="interactive"';
    expect(countOf('glyphmill_job_wait_seconds_count', interactive, 'source="url"')).toBe('5');
    expect(countOf('glyphmill_job_wait_seconds_count', interactive, 'source="data"')).toBe('1');
    expect(countOf('glyphmill_job_run_seconds_count', 'source="url"', 'outcome="input_error"')).toBe('4');
    expect(countOf('glyphmill_job_latency_seconds_count', interactive, 'outcome="succeeded"')).toBe('2');
    expect(countOf('glyphmill_job_latency_seconds_count', interactive, 'outcome="service_error"')).toBe('1');
    expect(countOf('glyphmill_errors_total', 'code="download_failed"', 'stage="fetch"')).toBe('1');
    expect(countOf('glyphmill_errors_total', 'code="image_unsupported"', 'stage="decode"')).toBe('1');
    expect(countOf('glyphmill_errors_total', 'code="store_unavailable"', 'stage="fetch"')).toBe('1');
    expect(Number(countOf('glyphmill_page_pixels_total'))).toBeGreaterThan(100_000);
    expect(await (await worker.ops('/readyz?deep=1')).json()).toMatchObject({
      checks: { redis: { ok: true }, store: { ok: true }, blobs: { ok: true } },
    });
    await eventually(async () => {
      const [report] = await bench.queue.workers();
      return report?.engines === 1 && report.meanPageMs > 0;
    });

    const log = worker.output();
    expect(log).not.toMatch(/XR56L|STEAM|s3cr3t|gift-card|http:/);
    const pages = log.split('\n').filter((line) => line.includes('"msg":"page"'));
    expect(pages).toHaveLength(7);
  });

  test('leaves the lanes alone that are not in LANES', async () => {
    const bulk = await ready({ LANES: 'bulk' });
    const interactive = await ready({ LANES: 'interactive' });
    for (let page = 0; page < 4; page += 1) {
      expect(texts(await bench.read({ kind: 'data' }, { input: giftCard }))).toContain('STEAM');
    }
    const pagesOf = async (worker: WorkerProcess) =>
      /^glyphmill_pages_total\{outcome="succeeded",lane="interactive".*\} (\d+)$/m.exec(
        await (await worker.ops('/metrics')).text(),
      )?.[1];
    expect(await pagesOf(interactive)).toBe('4');
    expect(await pagesOf(bulk)).toBeUndefined();
  });

  test('stops a download when its job is canceled', async () => {
    await ready();
    const closed = Promise.withResolvers<void>();
    const hanging = await serveRaw((socket) => socket.once('close', () => closed.resolve()));
    const id = crypto.randomUUID();
    const reading = bench.read({ kind: 'url', url: `http://127.0.0.1:${hanging.port}/` }, { id });
    await eventually(() => hanging.connections() > 0);
    await bench.queue.cancel('interactive', id);
    expect(await reading).toMatchObject({ ok: false, error: { code: 'canceled' } });
    await closed.promise;
    await hanging.close();
  });

  test('ends a page that kills its engine process as poison, and goes on', async () => {
    const worker = await ready({ PAGE_TIMEOUT_MS: '1' });
    expect(await bench.read(url('/gift-card.png'))).toMatchObject({ ok: false, error: { code: 'poison_image' } });
    const metrics = await (await worker.ops('/metrics')).text();
    expect(metrics).toMatch(/glyphmill_engine_restarts_total\{reason="page_timeout".*\} 2/);
    expect(await bench.read(url('/no-image'))).toMatchObject({ ok: false });
  });
});

describe.skipIf(existsSync('/dev/nvidia0'))('a worker that may do without the GPU that it was meant for', () => {
  test('reads on the CPU, and says so in log and metrics', async () => {
    const worker = await ready({ ENGINE_PROVIDER: 'cuda', ENGINE_FALLBACK: 'cpu' });
    expect(texts(await bench.read(url('/gift-card.png')))).toContain('STEAM');
    expect(worker.output()).toMatch(/"level":"warn".*CUDA cannot be used here.*ENGINE_FALLBACK/);
    expect(worker.output()).toMatch(/"precision":"(int8|fp32)","reason":"this processor .*The precision of the models/);
    expect(worker.output()).toMatch(/"provider":"cpu".*The worker is ready/);
    const metrics = await (await worker.ops('/metrics')).text();
    expect(metrics).toMatch(/glyphmill_model_info\{.*provider="cpu".*\} 1/);
    expect(metrics).not.toContain('provider="cuda"');
  });
});

describe('a worker that stops', () => {
  test('drains on SIGTERM: it finishes what it holds, takes nothing new, and exits with 0', async () => {
    const worker = await ready();
    const reading = bench.read(url('/slow'));
    await eventually(() => slow.requests === 1);
    worker.child.kill('SIGTERM');
    await eventually(async () => (await worker.ops('/readyz')).status === 503);
    expect(await (await worker.ops('/metrics')).text()).toMatch(/glyphmill_worker_draining\{.*\} 1/);
    const behind = bench.read(url('/gift-card.png'));
    slow.answer();
    expect(texts(await reading)).toContain('STEAM');
    expect(await worker.exited()).toEqual({ code: 0, signal: null });
    const next = await ready();
    expect(texts(await behind)).toContain('STEAM');
    next.child.kill('SIGTERM');
    expect(await next.exited()).toEqual({ code: 0, signal: null });
  });

  test('gives back what it cannot finish in time', async () => {
    const worker = await ready({ DRAIN_GRACE_MS: '200' });
    const reading = bench.read(url('/slow'));
    await eventually(() => slow.requests === 1);
    worker.child.kill('SIGTERM');
    expect(await worker.exited()).toEqual({ code: 0, signal: null });
    await ready();
    await eventually(() => slow.requests === 1);
    slow.answer();
    expect(texts(await reading)).toContain('STEAM');
  });

  test('exits at once on a second signal', async () => {
    const worker = await ready();
    const reading = bench.read(url('/slow')).catch(() => undefined);
    await eventually(() => slow.requests === 1);
    worker.child.kill('SIGTERM');
    await eventually(async () => (await worker.ops('/readyz')).status === 503);
    worker.child.kill('SIGINT');
    expect(await worker.exited()).toEqual({ code: 1, signal: null });
    // Its lock runs out, and the next worker takes the job.
    await ready();
    await eventually(() => slow.requests === 1);
    slow.answer();
    await reading;
  });

  test('goes when the parent that holds its channel goes', async () => {
    const worker = await ready({}, { ipc: true });
    worker.child.disconnect();
    expect(await worker.exited()).toEqual({ code: 0, signal: null });
  });
});

describe('a worker that cannot start', () => {
  test('names every bad setting', async () => {
    const worker = await bench.startWorker({ REDIS_URL: 'ftp://s3cr3t', MODEL: 'large', FETCH_ALLOW_CIDRS: 'all' });
    expect(await worker.exited()).toEqual({ code: 1, signal: null });
    expect(worker.output()).toMatch(/REDIS_URL[\s\S]*MODEL[\s\S]*FETCH_ALLOW_CIDRS/);
    expect(worker.output()).not.toContain('s3cr3t');
  });

  test.skipIf(existsSync('/dev/nvidia0'))('names what it misses of CUDA instead of reading slowly', async () => {
    const worker = await bench.startWorker({ ENGINE_PROVIDER: 'cuda' });
    expect(await worker.exited()).toEqual({ code: 1, signal: null });
    expect(worker.output()).toMatch(/"code":"provider_unavailable".*CUDA cannot be used here/);
  });

  test('stays alive and ready without Redis, and says so when asked deeply', async () => {
    const worker = await bench.startWorker({
      REDIS_URL: 'unix:///nonexistent/redis.sock',
      DRAIN_GRACE_MS: '500',
    });
    started.push(worker);
    await isReady(worker);
    const deep = await worker.ops('/readyz?deep=1');
    expect(deep.status).toBe(503);
    expect(await deep.json()).toMatchObject({ checks: { redis: { ok: false } } });
    worker.child.kill('SIGTERM');
    expect(await worker.exited()).toEqual({ code: 0, signal: null });
  });
});
