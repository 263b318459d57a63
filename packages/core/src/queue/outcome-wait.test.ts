import { expect, test } from 'vitest';
import { OcrError } from '../errors.ts';
import { OutcomeWait } from './outcome-wait.ts';
import type { Outcome } from './outcome.ts';

const failed: Outcome = { ok: false, error: { code: 'image_unreadable', message: 'corrupt', retryable: false } };
const later = () => Date.now() + 60_000;

test('an outcome that comes before it is asked for is kept', async () => {
  const wait = new OutcomeWait();
  wait.settle(failed);
  expect(wait.pending).toBe(false);
  expect(await wait.outcome(later())).toBe(failed);
});

test('is pending only between the question and the answer', async () => {
  const wait = new OutcomeWait();
  expect(wait.pending).toBe(false);
  const outcome = wait.outcome(later());
  expect(wait.pending).toBe(true);
  wait.settle(failed);
  expect(wait.pending).toBe(false);
  await outcome;
});

test('the first end stays', async () => {
  const wait = new OutcomeWait();
  const outcome = wait.outcome(later());
  wait.fail(new OcrError('internal', 'first'));
  wait.settle(failed);
  await expect(outcome).rejects.toMatchObject({ message: 'first' });
});

test('a deadline that has passed already and a signal that fired already end it', async () => {
  await expect(new OutcomeWait().outcome(0)).rejects.toMatchObject({ code: 'deadline_exceeded' });
  await expect(new OutcomeWait().outcome(later(), AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
});
