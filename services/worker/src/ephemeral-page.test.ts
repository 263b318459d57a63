import { OcrError } from '@glyphmill/core/errors';
import { createLogger, type Logger } from '@glyphmill/core/logging';
import type { ClaimedJob, JobPayload } from '@glyphmill/core/queue';
import { EngineError, type PageResult } from '@glyphmill/ocr/pool';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ByteBudget } from './byte-budget.ts';
import { EngineGate } from './engine-gate.ts';
import { createEphemeralHandler } from './ephemeral-page.ts';
import { createSourceReaders } from './image-source.ts';
import type { PageRecord } from './page-record.ts';
import { createPageReader } from './read-page.ts';
import { RunningDownloads } from './running-downloads.ts';

const url = 'https://images.test/a.png?token=s3cr3t';
const page: PageResult = {
  width: 200,
  height: 100,
  lines: [
    {
      text: 'XR56L-H4A5Q',
      confidence: 0.99,
      box: [
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
      ],
    },
  ],
  timings: { decode: 1, detect: 2, classify: 3, recognize: 4, total: 11 },
};

let logged: { level: 'info' | 'error'; line: unknown }[];
let records: PageRecord[];
beforeEach(() => {
  logged = [];
  records = [];
});

const logger: Logger = Object.assign(createLogger({ service: 'test', level: 'silent' }), {
  info: (line: unknown) => void logged.push({ level: 'info', line }),
  error: (line: unknown) => void logged.push({ level: 'error', line }),
});

interface Fakes {
  readonly fetchImage?: Parameters<typeof createSourceReaders>[0]['fetchImage'];
  readonly recognize?: Parameters<typeof createPageReader>[0]['pool']['recognize'];
  readonly budget?: ByteBudget;
  readonly engines?: number;
}

/** Blobs by their address. */
const blobs = new Map<string, Uint8Array>();

function reader(fakes: Fakes = {}) {
  const {
    fetchImage = async (_url, { reserve }) => {
      await reserve?.(50);
      return new Uint8Array(10);
    },
    recognize = async (_bytes, options) => {
      options?.onStart?.();
      return page;
    },
  } = fakes;
  const read = createPageReader({
    sources: createSourceReaders({
      fetchImage,
      downloads: new RunningDownloads(),
      maxImageBytes: 50,
      uploads: {
        size: async (sha256) => blobs.get(sha256)?.length,
        read: async (sha256) => blobs.get(sha256),
      },
    }),
    pool: { recognize },
    gate: new EngineGate(fakes.engines ?? 2),
    budget: fakes.budget ?? new ByteBudget(100),
    model: 'small',
  });
  return createEphemeralHandler({ read, logger, onPage: (_job, record) => void records.push(record) });
}

type JobFields = Partial<Omit<ClaimedJob, 'payload'>> & { readonly source?: JobPayload['source'] };

function jobOf({ source = { kind: 'url', url }, ...rest }: JobFields = {}): ClaimedJob {
  return {
    payload: {
      version: 1,
      id: '0198f2a4-0000-7000-8000-000000000001',
      generation: 0,
      kind: 'ephemeral',
      source,
      enqueuedAt: 0,
      requestId: 'request-1',
    },
    lane: 'interactive',
    waitedMs: 0,
    lostWorkers: 0,
    started: () => Promise.resolve(),
    input: async () => Buffer.alloc(20),
    signal: new AbortController().signal,
    ...rest,
  };
}

describe('a page that is read', () => {
  test('becomes a result with its timings, measured and logged without what it says', async () => {
    const budget = new ByteBudget(100);
    const outcome = await reader({ budget })(jobOf());
    expect(outcome).toMatchObject({
      ok: true,
      result: { width: 200, height: 100, model: 'small', lines: page.lines, timings: { decode: 1, recognize: 4 } },
    });
    expect(Object.keys(outcome.ok ? outcome.result.timings : {}).toSorted()).toEqual([
      'classify',
      'decode',
      'detect',
      'engine',
      'fetch',
      'recognize',
      'wait',
    ]);
    expect(records).toMatchObject([{ outcome: 'succeeded', bytes: 10, pixels: 20_000, lines: 1 }]);
    expect(logged).toHaveLength(1);
    expect(logged[0]?.line).toMatchObject({
      jobId: '0198f2a4-0000-7000-8000-000000000001',
      requestId: 'request-1',
      lane: 'interactive',
      kind: 'ephemeral',
      outcome: 'succeeded',
      attempts: 1,
      bytes: 10,
      pixels: 20_000,
    });
    expect(JSON.stringify(logged)).not.toMatch(/XR56L|images\.test|s3cr3t/);
    expect(budget.usedBytes).toBe(0);
  });

  test('holds no more room than its bytes need while it is read', async () => {
    const budget = new ByteBudget(100);
    let usedBytes = -1;
    const recognize = async () => {
      usedBytes = budget.usedBytes;
      return page;
    };
    await reader({ budget, recognize })(jobOf());
    expect(usedBytes).toBe(10);
    await reader({ budget, recognize })(jobOf({ source: { kind: 'data' } }));
    expect(usedBytes).toBe(20);
    blobs.set('b'.repeat(64), new Uint8Array(30));
    await reader({ budget, recognize })(jobOf({ source: { kind: 'blob', sha256: 'b'.repeat(64) } }));
    expect(usedBytes).toBe(30);
    expect(budget.usedBytes).toBe(0);
  });
});

describe('a page that is not read', () => {
  test.each([
    [new EngineError('image_unsupported', 'no image'), 'image_unsupported'],
    [new EngineError('image_unreadable', 'cut'), 'image_unreadable'],
    [new EngineError('image_too_large', 'huge'), 'image_too_large'],
    [new EngineError('poison_image', 'twice'), 'poison_image'],
    [new EngineError('engine_failed', 'broken'), 'internal'],
    [new TypeError('a bug'), 'internal'],
  ])('%s', async (thrown, code) => {
    const budget = new ByteBudget(100);
    const outcome = await reader({ budget, recognize: () => Promise.reject(thrown) })(jobOf());
    expect(outcome).toMatchObject({ ok: false, error: { code } });
    expect(records).toMatchObject([{ outcome: code, failedIn: code.startsWith('image_') ? 'decode' : 'engine' }]);
    expect(budget.usedBytes).toBe(0);
    expect(logged.some(({ level }) => level === 'error')).toBe(code === 'internal');
  });

  test('a download that fails tells its reason', async () => {
    const failed = new OcrError('download_failed', 'the server answered 404', { retryable: false });
    const outcome = await reader({ fetchImage: () => Promise.reject(failed) })(jobOf());
    expect(outcome).toEqual({
      ok: false,
      error: { code: 'download_failed', message: 'the server answered 404', retryable: false },
    });
    expect(records).toMatchObject([{ outcome: 'download_failed', failedIn: 'fetch' }]);
  });

  test('a blob that is not there may be there the next time', async () => {
    const outcome = await reader()(jobOf({ source: { kind: 'blob', sha256: 'a'.repeat(64) } }));
    expect(outcome).toMatchObject({ ok: false, error: { code: 'store_unavailable', retryable: true } });
  });

  test.each([
    ['canceled', 'canceled', 'canceled'],
    ['deadline', 'deadline_exceeded', 'deadline_exceeded'],
    ['lock_lost', 'internal', 'discarded'],
    ['drain', 'internal', 'discarded'],
  ])('stopped by %s while it waits for an engine', async (reason, code, recorded) => {
    const controller = new AbortController();
    const read = reader({ recognize: () => new Promise(() => {}), engines: 1 });
    void read(jobOf());
    const waiting = read(jobOf({ signal: controller.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort(reason);
    expect(await waiting).toMatchObject({ ok: false, error: { code } });
    expect(records).toMatchObject([{ outcome: recorded }]);
    expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('a page whose worker died', () => {
  test('once: it runs alone', async () => {
    let running = 0;
    const seen: number[] = [];
    const recognize = async () => {
      running += 1;
      seen.push(running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
      return page;
    };
    const read = reader({ recognize, engines: 4, budget: new ByteBudget(1000) });
    const alone = { lostWorkers: 1 };
    await Promise.all([read(jobOf()), read(jobOf()), read(jobOf(alone)), read(jobOf(alone)), read(jobOf())]);
    // The two before ran together; the two alone and the one behind them by themselves.
    expect(seen).toEqual([1, 2, 1, 1, 1]);
  });

  test('twice: it is poison, and not even downloaded', async () => {
    const fetchImage = vi.fn<() => Promise<Uint8Array>>();
    const outcome = await reader({ fetchImage })(jobOf({ lostWorkers: 2 }));
    expect(outcome).toMatchObject({ ok: false, error: { code: 'poison_image', retryable: false } });
    expect(fetchImage).not.toHaveBeenCalled();
    expect(records).toMatchObject([{ outcome: 'poison_image' }]);
  });
});
