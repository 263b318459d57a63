import { createHash } from 'node:crypto';
import { OcrError } from '@glyphmill/core/errors';
import { createLogger } from '@glyphmill/core/logging';
import type { ClaimedJob } from '@glyphmill/core/queue';
import type { ClaimAnswer, FinishedPage, JobState, JobStore, JobSummary, StoredPictures } from '@glyphmill/core/store';
import type { ReadOptions } from '@glyphmill/ocr/pool';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ByteBudget } from '../byte-budget.ts';
import { EngineGate } from '../engine-gate.ts';
import { createSourceReaders } from '../image-source.ts';
import type { PageRecord } from '../page-record.ts';
import { createPageReader } from '../read-page.ts';
import { RunningDownloads } from '../running-downloads.ts';
import { createDurableHandler } from './durable-page.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { StorePatience } from './store-patience.ts';

const id = '0198f2a4-0000-7000-8000-000000000001';
const url = 'https://images.test/a.png?token=s3cr3t';
const image = new Uint8Array(3_000_000).fill(7);
const secretText = 'XR56L-H4A5Q';
const drawn = { preview: new Uint8Array(1), thumbnail: new Uint8Array(2) };
const kept = { previewSha256: 'a'.repeat(64), thumbnailSha256: 'b'.repeat(64) };
const never = new AbortController().signal;

let logged: string[];
let records: PageRecord[];
let outcomes: string[];
let claimFaults: string[];
let states: JobState[];
let sent: unknown[];
let downloads: number;
let claims: (() => Promise<ClaimAnswer>)[];
let finishes: (() => boolean)[];
let stored: FinishedPage | undefined;
let keeper: { wantsPictures: boolean; put: () => Promise<StoredPictures | undefined> };
let asked: ReadOptions['pictures'][];
let fetchImage: () => Promise<Uint8Array>;
let patience: StorePatience;
let leases: LeaseKeeper;

const note = (line: unknown) => void logged.push(JSON.stringify(line));
const logger = Object.assign(createLogger({ service: 'test', level: 'silent' }), {
  info: note,
  warn: note,
  error: note,
});

beforeEach(() => {
  logged = [];
  records = [];
  outcomes = [];
  claimFaults = [];
  states = [];
  sent = [];
  downloads = 0;
  claims = [];
  finishes = [];
  stored = undefined;
  asked = [];
  keeper = { wantsPictures: false, put: () => Promise.reject(new Error('There are none')) };
  fetchImage = async () => image;
  patience = new StorePatience({ check: async () => {}, logger });
  leases = new LeaseKeeper({
    renew: async () => [],
    leaseMs: 20_000,
    onRenewed: () => undefined,
    onFailure: () => undefined,
  });
});
afterEach(() => {
  patience.close();
  leases.close();
});

function claimed(row: Partial<JobSummary> = {}): () => Promise<ClaimAnswer> {
  const job = { id, lane: 'bulk', priority: 7, attempts: 1, source: { kind: 'url', url }, ...row } as JobSummary;
  return async () => ({ kind: 'claimed', claim: { id, generation: 0, token: 'mine' }, job });
}

const finish = async () => finishes.shift()?.() ?? true;
const store: Pick<JobStore, 'claim' | 'finishSucceeded' | 'finishFailed' | 'requeue' | 'release' | 'states'> = {
  claim: () => (claims.shift() ?? claimed())(),
  finishSucceeded: (_claim, page) => {
    stored = page;
    return finish();
  },
  finishFailed: finish,
  requeue: async ({ generation }) => ((await finish()) ? generation + 1 : undefined),
  release: finish,
  states: async () => new Map(),
};

function handler() {
  const read = createPageReader({
    sources: createSourceReaders({
      fetchImage: () => {
        downloads += 1;
        return fetchImage();
      },
      downloads: new RunningDownloads(),
      maxImageBytes: 5_000_000,
      uploads: { size: async () => undefined, read: async () => undefined },
    }),
    pool: {
      recognize: async (_bytes, options) => ({
        ...(asked.push(options?.pictures), options?.pictures && { pictures: drawn }),
        width: 20,
        height: 10,
        lines: [
          {
            text: secretText,
            confidence: 0.9,
            box: [
              [0, 0],
              [9, 0],
              [9, 9],
              [0, 9],
            ] as const,
          },
        ],
        timings: { decode: 1, detect: 2, classify: 3, recognize: 4, total: 10 },
      }),
    },
    gate: new EngineGate(1),
    budget: new ByteBudget(10_000_000),
    model: 'small',
  });
  return createDurableHandler({
    read,
    store: store as JobStore,
    patience,
    leases,
    leaseMs: 20_000,
    pictures: keeper,
    queue: {
      announce: async (_id, state) => void states.push(state),
      enqueue: async (...call) => {
        sent.push(call);
        throw new OcrError('queue_unavailable', 'Redis is away');
      },
    },
    workerId: 'worker',
    maxAttempts: 3,
    retryDelayMs: 10_000,
    logger,
    onPage: (_job, record) => void records.push(record),
    onOutcome: (outcome) => void outcomes.push(outcome),
    onClaimFault: (code) => void claimFaults.push(code),
  });
}

function jobOf(fields: Partial<ClaimedJob> = {}): ClaimedJob {
  return {
    payload: {
      version: 1,
      id,
      generation: 0,
      kind: 'durable',
      source: { kind: 'url', url },
      enqueuedAt: 0,
      requestId: 'request-1',
    },
    lane: 'bulk',
    waitedMs: 0,
    lostWorkers: 0,
    started: () => Promise.resolve(),
    input: () => Promise.reject(new Error('It has none')),
    signal: never,
    ...fields,
  };
}

test('a page is claimed, read and stored with the hash of its bytes; the log tells all but what it says', async () => {
  const answer = await handler()(jobOf());
  expect(answer).toMatchObject({ ok: true });
  expect(stored).toMatchObject({
    sha256: createHash('sha256').update(image).digest('hex'),
    result: { model: 'small', lines: [{ text: secretText }] },
  });
  expect(states).toEqual(['active', 'succeeded']);
  expect(outcomes).toEqual(['stored']);
  expect(records).toMatchObject([{ outcome: 'succeeded', lines: 1 }]);
  expect(logged).toHaveLength(2);
  expect(JSON.parse(logged[1] ?? '')).toMatchObject({
    jobId: id,
    requestId: 'request-1',
    kind: 'durable',
    outcome: 'succeeded',
    ending: 'stored',
    attempts: 1,
    timingsMs: { claim: expect.any(Number), store: expect.any(Number) },
  });
  expect(logged.join()).not.toMatch(/XR56L|images\.test|s3cr3t/);
});

describe('pictures', () => {
  test('are made where they are wanted, and stored with what was read', async () => {
    keeper = { wantsPictures: true, put: async () => kept };
    await handler()(jobOf());
    expect(asked).toEqual(['webp']);
    expect(stored?.pictures).toEqual(kept);
    expect(records[0]?.stageMs).toMatchObject({ keep: expect.any(Number) });
  });

  test('that cannot be kept keep no page from being stored', async () => {
    keeper = { wantsPictures: true, put: async () => undefined };
    expect(await handler()(jobOf())).toMatchObject({ ok: true });
    expect(outcomes).toEqual(['stored']);
    expect(stored?.pictures).toBeUndefined();
  });

  test('are not made where they are not wanted', async () => {
    await handler()(jobOf());
    expect(asked).toEqual([undefined]);
    expect(stored?.pictures).toBeUndefined();
  });
});

describe('workers that died with the page', () => {
  test('three: it may have been the nodes', async () => {
    expect(await handler()(jobOf({ lostWorkers: 3 }))).toMatchObject({ ok: true });
  });

  test('four: it is poison, and not even downloaded', async () => {
    expect(await handler()(jobOf({ lostWorkers: 4 }))).toMatchObject({ ok: false, error: { code: 'poison_image' } });
    expect(downloads).toBe(0);
    expect(states).toEqual(['active', 'failed']);
  });
});

describe('a retry', () => {
  beforeEach(() => {
    fetchImage = () => Promise.reject(new OcrError('download_failed', 'the server answered 503'));
  });

  test('is sent under its new generation, later, with its priority; when Redis is away others send it', async () => {
    expect(await handler()(jobOf())).toMatchObject({ ok: false, error: { code: 'download_failed' } });
    expect(sent).toMatchObject([
      ['bulk', { id, generation: 1, kind: 'durable', source: { kind: 'url' } }, { priority: 7 }],
    ]);
    const [[, , options]] = sent as [[string, object, { delayMs: number }]];
    expect(options.delayMs).toBeGreaterThan(0);
    expect(states).toEqual(['active', 'queued']);
    expect(outcomes).toEqual(['retried']);
    expect(records).toMatchObject([{ outcome: 'download_failed', failedIn: 'fetch', isRetried: true }]);
  });

  test('is not sent by a run that lost its claim', async () => {
    finishes = [() => false];
    expect(await handler()(jobOf())).toMatchObject({ ok: false });
    expect(sent).toEqual([]);
    expect(outcomes).toEqual(['late']);
    expect(records).toMatchObject([{ outcome: 'discarded', isRetried: false }]);
  });
});

describe('a job that cannot be claimed', () => {
  test.each(['ended', 'superseded', 'unknown'] as const)(
    '%s: the queue forgets it, and nothing is read',
    async (kind) => {
      claims = [async () => ({ kind, state: 'succeeded' })];
      expect(await handler()(jobOf())).toMatchObject({ ok: false });
      expect(downloads).toBe(0);
      expect(outcomes).toEqual(['outdated']);
      expect(records).toEqual([]);
    },
  );

  test('since the store is away while the worker stops: it goes back to the queue', async () => {
    const stop = new AbortController();
    const away = () => Promise.reject(new OcrError('store_unavailable', 'away'));
    claims = Array.from({ length: 100 }, () => away);
    const handling = handler()(jobOf({ signal: stop.signal }));
    stop.abort('drain');
    expect(await handling).toBe('give_back');
    expect(outcomes).toEqual([]);
  });

  test('for a bug: the queue forgets it, so that it holds up nobody, and the operator hears of it without values', async () => {
    const bug = () => Promise.reject(new OcrError('internal', 'A bug', { cause: new Error(`near ${secretText}`) }));
    claims = [bug, bug, bug];
    expect(await handler()(jobOf())).toMatchObject({ ok: false });
    expect(outcomes).toEqual(['refused']);
    expect(claimFaults).toEqual(['internal']);
    expect(logged.join()).toContain('caused by Error');
    expect(logged.join()).not.toContain(secretText);
  });
});

test.each([
  ['ahead', -3_600_000],
  ['behind', 3_600_000],
])("deadlines go by the store's clock: that of this host is an hour %s", async (_, storeAheadMs) => {
  const storeNow = Date.now() + storeAheadMs;
  claims = [
    claimed({ startedAt: storeNow, deadlineAt: storeNow + 60_000 }),
    claimed({ startedAt: storeNow, deadlineAt: storeNow - 1 }),
  ];
  expect(await handler()(jobOf())).toMatchObject({ ok: true });
  expect(await handler()(jobOf())).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
});

test('a job past its deadline is not read', async () => {
  claims = [claimed({ deadlineAt: Date.now() - 1 })];
  expect(await handler()(jobOf())).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
  expect(records).toMatchObject([{ outcome: 'deadline_exceeded', failedIn: 'queue' }]);
  expect(downloads).toBe(0);
  expect(states).toEqual(['active', 'failed']);
});

test('a result that the store does not take failed there', async () => {
  const refuse = (): boolean => {
    throw new OcrError('internal', 'It does not fit');
  };
  finishes = [refuse, refuse, refuse];
  expect(await handler()(jobOf())).toMatchObject({ ok: false, error: { code: 'internal' } });
  expect(records).toMatchObject([{ outcome: 'internal', failedIn: 'store', isRetried: false }]);
});
