import { OcrError } from '@glyphmill/core/errors';
import type { PendingJob } from '@glyphmill/core/store';
import { describe, expect, test } from 'vitest';
import { type BulkAdmission, createBulkAdmission } from './bulk-admission.ts';

interface Situation {
  unfinished: number;
  finishedLastMinute?: number;
  engines?: number;
  lanes?: readonly ('interactive' | 'bulk')[];
  meanPageMs?: number;
  now?: number;
  /** How long something has been waiting without a break. */
  busyForMs?: number;
}

function admissionOf(situation: Situation, limit = 100) {
  const calls = { counts: 0 };
  const admission = createBulkAdmission({
    store: {
      countUnfinished() {
        calls.counts++;
        return Promise.resolve(situation.unfinished);
      },
      // Jobs end evenly.
      countFinishedSince: (since) =>
        Promise.resolve(((situation.finishedLastMinute ?? 0) * ((situation.now ?? 0) - since)) / 60_000),
      now: () => Promise.resolve(situation.now ?? 0),
      pending: () => Promise.resolve([pendingSince((situation.now ?? 0) - (situation.busyForMs ?? 3_600_000))]),
    },
    queue: {
      workers: () =>
        Promise.resolve(
          situation.engines === undefined
            ? []
            : [
                {
                  id: 'w',
                  engines: situation.engines,
                  busy: 0,
                  meanPageMs: situation.meanPageMs ?? 1000,
                  at: 0,
                  ...(situation.lanes && { lanes: situation.lanes }),
                },
              ],
        ),
    },
    limit,
    now: () => situation.now ?? 0,
  });
  return { admission, calls };
}

function pendingSince(createdAt: number): PendingJob {
  const source = { kind: 'url', url: 'https://example.com/' } as const;
  return { id: 'oldest', generation: 0, state: 'queued', lane: 'bulk', priority: 100, source, createdAt };
}

async function retryAfter(admission: BulkAdmission, count: number): Promise<number | undefined> {
  try {
    await admission.check(count);
    return undefined;
  } catch (error) {
    if (error instanceof OcrError && error.code === 'queue_full') return error.retryAfterSeconds;
    throw error;
  }
}

describe('seconds until there is room', () => {
  test.each([
    [['interactive', 'bulk'], 13],
    // As if nobody were there to work.
    [['interactive'], 60],
  ] as const)('only workers that take bulk jobs count: %j', async (lanes, seconds) => {
    const { admission } = admissionOf({ unfinished: 100, engines: 4, meanPageMs: 500, lanes });
    expect(await retryAfter(admission, 100)).toBe(seconds);
  });

  test.each([
    // unfinished, asked, ended in the last minute, engines, mean page, seconds
    [99, 1, 0, undefined, undefined, undefined],
    [100, 1, 60, undefined, undefined, 1],
    [100, 60, 60, undefined, undefined, 60],
    [150, 10, 120, undefined, undefined, 30],
    [100, 1, 1, undefined, undefined, 60],
    [100, 100, 0, 4, 500, 13],
    // Nothing ends, and nobody is there to work: time to start a worker.
    [100, 30, 0, undefined, undefined, 60],
    [100, 1, 0, undefined, undefined, 60],
    [1e9, 1, 1, undefined, undefined, 86_400],
  ])('%d unfinished, %d asked, %d ended, %s engines of %s ms: %s s', async (...row) => {
    const [unfinished, asked, finishedLastMinute, engines, meanPageMs, seconds] = row;
    const { admission } = admissionOf({
      unfinished,
      finishedLastMinute,
      ...(engines !== undefined && { engines, meanPageMs }),
    });
    expect(await retryAfter(admission, asked)).toBe(seconds);
  });

  test.each([
    // for how long there has been work, ended in a minute of it, seconds until 30 have ended
    [3_600_000, 60, 30],
    [20_000, 60, 30],
    // Too short to tell: four engines of half a second.
    [1_000, 60, 4],
    [3_600_000, 0, 4],
  ])('a backlog of %d ms, %d ended a minute: %d s', async (busyForMs, finishedLastMinute, seconds) => {
    const situation = { unfinished: 100, finishedLastMinute, engines: 4, meanPageMs: 500, busyForMs };
    expect(await retryAfter(admissionOf(situation).admission, 30)).toBe(seconds);
  });

  test('more than may ever be unfinished is no matter of waiting', async () => {
    const { admission } = admissionOf({ unfinished: 0 }, 10);
    await expect(admission.check(11)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('the count', () => {
  test('is asked for once in a while; what this process makes meanwhile counts at once', async () => {
    const situation = { unfinished: 90, now: 0 };
    const { admission, calls } = admissionOf(situation);
    const first = await admission.admit(6);
    expect(await retryAfter(admission, 5)).toBeGreaterThan(0);
    expect(await retryAfter(admission, 4)).toBeUndefined();
    first.settle(6);
    expect(await retryAfter(admission, 5)).toBeGreaterThan(0);
    const failed = await admission.admit(4);
    failed.settle(0);
    failed.settle(4);
    expect(await retryAfter(admission, 4)).toBeUndefined();
    expect(calls.counts).toBe(1);
  });

  test('is renewed behind the back of who asks, and waited for when it is old', async () => {
    const situation = { unfinished: 100, now: 0 };
    const { admission } = admissionOf(situation);
    expect(await retryAfter(admission, 1)).toBeGreaterThan(0);
    situation.unfinished = 0;
    situation.now = 2_000;
    expect(await retryAfter(admission, 1)).toBeGreaterThan(0);
    expect(await retryAfter(admission, 1)).toBeUndefined();
    situation.unfinished = 100;
    situation.now = 20_000;
    expect(await retryAfter(admission, 1)).toBeGreaterThan(0);
  });

  test('a store that cannot count refuses as itself, and later ones ask again', async () => {
    let away = true;
    const admission = createBulkAdmission({
      store: {
        countUnfinished: () => (away ? Promise.reject(new OcrError('store_unavailable', 'Away')) : Promise.resolve(0)),
        countFinishedSince: () => Promise.resolve(0),
        now: () => Promise.resolve(0),
        pending: () => Promise.resolve([]),
      },
      queue: { workers: () => Promise.resolve([]) },
      limit: 10,
      now: () => 0,
    });
    await expect(admission.check(1)).rejects.toMatchObject({ code: 'store_unavailable' });
    away = false;
    await admission.check(1);
  });
});
