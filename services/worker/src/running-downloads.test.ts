import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { RunningDownloads } from './running-downloads.ts';

test('counts downloads that have been under way for long, until they end, well or not', async () => {
  const downloads = new RunningDownloads();
  const hanging = Promise.withResolvers<string>();
  const failing = Promise.withResolvers<string>();
  const ended = [downloads.track(() => hanging.promise), downloads.track(() => failing.promise)];
  expect(downloads.longerThan(60_000)).toBe(0);
  await delay(20);
  expect(downloads.longerThan(10)).toBe(2);
  hanging.resolve('bytes');
  failing.reject(new Error('reset'));
  expect((await Promise.allSettled(ended)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  expect(downloads.longerThan(10)).toBe(0);
});
