import { expect, test } from 'vitest';
import { someInbox } from '../test/test-app.ts';
import { createInboxView } from './inbox-view.ts';

test('an answer is good for a moment, and pages share one question', async () => {
  let asked = 0;
  const status = () => {
    asked++;
    return Promise.resolve(someInbox);
  };
  const view = createInboxView({ status, scan: status });
  expect(await Promise.all([view.status(), view.status()])).toEqual([someInbox, someInbox]);
  expect(await view.status()).toBe(someInbox);
  expect(asked).toBe(1);
});

test('nobody is kept waiting by an inbox that does not answer', async () => {
  const view = createInboxView({ status: () => new Promise(() => undefined), scan: () => Promise.resolve(someInbox) });
  expect(await view.status()).toBeUndefined();
});

test('without a socket there is no inbox', async () => {
  const refuse = () => Promise.reject(new Error('ENOENT'));
  const view = createInboxView({ status: refuse, scan: refuse });
  expect(await view.status()).toBeUndefined();
  await expect(view.scan()).rejects.toThrow('ENOENT');
});
