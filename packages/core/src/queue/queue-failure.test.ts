import { expect, test } from 'vitest';
import { OcrError } from '../errors.ts';
import { toQueueError } from './queue-failure.ts';

const redisSays = (message: string) => new Error(message);

test.each([
  redisSays('connect ECONNREFUSED 10.0.0.7:6379'),
  redisSays("OOM command not allowed when used memory > 'maxmemory'."),
  redisSays("Stream isn't writeable and enableOfflineQueue options is false"),
  redisSays('WRONGPASS invalid username-password pair'),
])('what Redis refuses is an outage to users, who see no address: %s', (error) => {
  const failure = toQueueError(error);
  expect(failure.code).toBe('queue_unavailable');
  expect(failure.retryAfterSeconds).toBeGreaterThan(0);
  expect(failure.cause).toBe(error);
  expect(failure.message).not.toMatch(/10\.0|WRONGPASS|maxmemory/);
});

test('our own mistakes are not outages', () => {
  expect(toQueueError(new TypeError('x is undefined')).code).toBe('internal');
  expect(toQueueError(new SyntaxError('Unexpected token')).code).toBe('internal');
  expect(toQueueError(redisSays('WRONGTYPE Operation against a key')).code).toBe('internal');
  expect(toQueueError('thrown text').code).toBe('internal');
});

test('an OcrError stays what it is', () => {
  const error = new OcrError('deadline_exceeded', 'late');
  expect(toQueueError(error)).toBe(error);
});
