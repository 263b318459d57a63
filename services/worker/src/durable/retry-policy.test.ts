import { OcrError, errorCodes } from '@glyphmill/core/errors';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideNextStep, type FailedAttempt } from './retry-policy.ts';

const now = 1_800_000_000_000;
const failed: FailedAttempt = {
  error: new OcrError('download_failed', 'the server answered 503'),
  attempts: 1,
  maxAttempts: 3,
  retryDelayMs: 10_000,
  now,
  random: () => 0.5,
};
const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the retry policy', () => {
  test('tries again what may work the next time, and nothing else', () => {
    fc.assert(
      fc.property(fc.constantFrom(...errorCodes), fc.boolean(), fraction, (code, retryable, random) => {
        const step = decideNextStep({
          ...failed,
          error: new OcrError(code, 'Why', { retryable }),
          random: () => random,
        });
        expect(step.kind).toBe(retryable && code !== 'deadline_exceeded' ? 'retry' : 'fail');
      }),
    );
  });

  test('runs a job maxAttempts times, whatever chance says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fraction, (maxAttempts, random) => {
        let attempts = 1;
        while (decideNextStep({ ...failed, attempts, maxAttempts, random: () => random }).kind === 'retry')
          attempts += 1;
        expect(attempts).toBe(maxAttempts);
      }),
    );
  });

  test('waits half to whole of a time that triples with each attempt, up to ten minutes', () => {
    const anyDelayMs = fc.integer({ min: 1, max: 600_000 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), anyDelayMs, fraction, (attempts, retryDelayMs, random) => {
        const step = decideNextStep({ ...failed, attempts, maxAttempts: 100, retryDelayMs, random: () => random });
        const delayMs = step.kind === 'retry' ? step.at - now : -1;
        const longestMs = Math.min(600_000, retryDelayMs * 3 ** (attempts - 1));
        expect(delayMs).toBeGreaterThanOrEqual(longestMs / 2);
        expect(delayMs).toBeLessThanOrEqual(longestMs + 1);
      }),
    );
    const delaysMs = (random: number) =>
      [1, 2, 3, 4, 5].map((attempts) => {
        const step = decideNextStep({ ...failed, attempts, maxAttempts: 9, random: () => random });
        return step.kind === 'retry' ? step.at - now : undefined;
      });
    expect(delaysMs(0)).toEqual([5_000, 15_000, 45_000, 135_000, 300_000]);
    expect(delaysMs(1)).toEqual([10_000, 30_000, 90_000, 270_000, 600_000]);
  });

  test('starts no attempt after the deadline', () => {
    expect(decideNextStep({ ...failed, deadlineAt: now + 100 })).toEqual({ kind: 'fail' });
    expect(decideNextStep({ ...failed, deadlineAt: now + 60_000 })).toMatchObject({ kind: 'retry' });
  });
});
