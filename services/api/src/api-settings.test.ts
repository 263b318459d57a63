import { describeSettings, parseEnvironment } from '@glyphmill/core/config';
import { expect, test } from 'vitest';
import { apiSettings } from './api-settings.ts';

const REDIS_URL = 'redis://127.0.0.1:6379';

test('defaults', () => {
  expect(parseEnvironment(apiSettings, { REDIS_URL })).toMatchObject({
    HOST: '127.0.0.1',
    PORT: 8000,
    OPS_PORT: 9464,
    MAX_IMAGE_BYTES: 20_000_000,
    SYNC_TIMEOUT_MS: 30_000,
    MAILBOX_TTL_MS: 120_000,
    DRAIN_GRACE_MS: 25_000,
  });
});

test.each([
  [{ BASIC_AUTH_USERNAME: 'u' }, 'BASIC_AUTH_PASSWORD'],
  [{ BASIC_AUTH_PASSWORD: 'hush' }, 'BASIC_AUTH_USERNAME'],
  [{ BASIC_AUTH_USERNAME: 'u', BASIC_AUTH_PASSWORD: '' }, 'BASIC_AUTH_PASSWORD'],
  [{ BASIC_AUTH_USERNAME: 'u:v', BASIC_AUTH_PASSWORD: 'hush' }, 'BASIC_AUTH_USERNAME'],
  [{ PORT: 'eighty' }, 'PORT'],
])('%j does not start', (env, name) => {
  const parse = () => parseEnvironment(apiSettings, { REDIS_URL, ...env });
  expect(parse).toThrow(name);
  expect(parse).not.toThrow('hush');
});

test('every setting can be described', () => {
  expect(describeSettings(apiSettings).map(({ name }) => name)).toContain('ALLOWED_HOSTS');
});
