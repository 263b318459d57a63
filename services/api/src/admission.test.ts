import { OcrError } from '@glyphmill/core/errors';
import type { WorkerReport } from '@glyphmill/core/queue';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combineReports, createAdmission, estimateWaitMs, retryAfterSeconds } from './admission.ts';

const report = (engines: number, meanPageMs: number) => ({ id: 'w', engines, busy: 0, meanPageMs, at: 0 });

describe('the estimate', () => {
  test('is the work ahead over the engines that do it', () => {
    expect(estimateWaitMs(0, { engines: 2, meanPageMs: 900 })).toBe(0);
    expect(estimateWaitMs(10, { engines: 2, meanPageMs: 900 })).toBe(4_500);
  });

  test('Retry-After is honest: then the estimate is below the limit, a second earlier it was not', () => {
    const numbers = fc.record({
      ahead: fc.integer({ min: 1, max: 100_000 }),
      engines: fc.integer({ min: 1, max: 500 }),
      meanPageMs: fc.integer({ min: 1, max: 20_000 }),
      limitMs: fc.integer({ min: 1, max: 60_000 }),
    });
    fc.assert(
      fc.property(numbers, ({ ahead, engines, meanPageMs, limitMs }) => {
        const waitMs = estimateWaitMs(ahead, { engines, meanPageMs });
        fc.pre(waitMs > limitMs);
        const seconds = retryAfterSeconds(waitMs, limitMs);
        const aheadAfter = (elapsedMs: number) => Math.max(0, ahead - (elapsedMs * engines) / meanPageMs);
        const estimateAfter = (s: number) => estimateWaitMs(aheadAfter(s * 1000), { engines, meanPageMs });
        expect(seconds).toBeGreaterThanOrEqual(1);
        expect(estimateAfter(seconds)).toBeLessThanOrEqual(limitMs);
        if (seconds > 1) expect(estimateAfter(seconds - 1)).toBeGreaterThan(limitMs - 1e-6);
      }),
    );
  });
});

describe('several workers as one', () => {
  test('finish as many pages a second as they do together', () => {
    const reports = fc.array(
      fc.record({ engines: fc.integer({ min: 1, max: 64 }), ms: fc.integer({ min: 1, max: 9_000 }) }),
      {
        minLength: 1,
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(reports, (workers) => {
        const all = combineReports(workers.map(({ engines, ms }) => report(engines, ms)));
        const pagesPerMs = workers.reduce((sum, { engines, ms }) => sum + engines / ms, 0);
        expect(all).toBeDefined();
        expect((all?.engines ?? 0) / (all?.meanPageMs ?? 1)).toBeCloseTo(pagesPerMs, 6);
      }),
    );
  });

  test('no workers, no capacity; one that has read nothing yet counts with a second a page', () => {
    expect(combineReports([])).toBeUndefined();
    expect(combineReports([report(0, 100)])).toBeUndefined();
    expect(combineReports([report(3, 0)])).toEqual({ engines: 3, meanPageMs: 1000 });
  });
});

describe('admission', () => {
  const setUp = (waiting: number, reports: WorkerReport[] = [report(2, 1000)]) => {
    const state = { waiting, reports, asked: 0, now: 0, workersDown: false };
    const admission = createAdmission({
      queue: {
        depth: () => Promise.resolve({ waiting: state.waiting, active: 0, delayed: 0 }),
        workers: () => {
          state.asked++;
          return state.workersDown ? Promise.reject(new Error('down')) : Promise.resolve(state.reports);
        },
      },
      maxWaitMs: 10_000,
      now: () => state.now,
    });
    return { state, admission };
  };

  test('does not count on workers that take bulk jobs only', async () => {
    const reports = [
      { ...report(1, 1000), lanes: ['interactive'] as const },
      { ...report(9, 1000), lanes: ['bulk'] as const },
    ];
    const { state, admission } = setUp(0, reports);
    await admission.admit();
    state.waiting = 11;
    await expect(admission.admit()).rejects.toMatchObject({ code: 'queue_full' });
  });

  test('lets in up to the limit and refuses above it', async () => {
    const { state, admission } = setUp(20);
    (await admission.admit()).release();
    state.waiting = 25;
    const refused = await admission.admit().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OcrError);
    expect(refused).toMatchObject({ code: 'queue_full', retryAfterSeconds: 3 });
  });

  test('counts those let in that are not yet in the queue', async () => {
    const { admission } = setUp(20);
    const [first, second] = await Promise.allSettled([admission.admit(), admission.admit()]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'queue_full' } });
    if (first.status === 'fulfilled') {
      first.value.release();
      first.value.release();
    }
    (await admission.admit()).release();
  });

  test('asks for the workers once a second, and one for all who wait', async () => {
    const { state, admission } = setUp(0);
    await Promise.all([admission.admit(), admission.admit(), admission.admit()]);
    expect(state.asked).toBe(1);
    state.now = 999;
    await admission.admit();
    expect(state.asked).toBe(1);
    state.now = 1_000;
    await admission.admit();
    expect(state.asked).toBe(2);
  });

  test('keeps the last known capacity when nobody reports', async () => {
    const { state, admission } = setUp(0, [report(10, 100)]);
    (await admission.admit()).release();
    state.now = 5_000;
    state.reports = [];
    state.waiting = 900;
    (await admission.admit()).release();
    state.now = 10_000;
    state.workersDown = true;
    (await admission.admit()).release();
  });

  test('without any report ever: one engine, a second a page', async () => {
    const { state, admission } = setUp(10, []);
    (await admission.admit()).release();
    state.waiting = 11;
    await expect(admission.admit()).rejects.toMatchObject({ code: 'queue_full', retryAfterSeconds: 2 });
  });
});
