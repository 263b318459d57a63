import { ConfigError, describeSettings, parseEnvironment } from '@glyphmill/core/config';
import { expect, test } from 'vitest';
import { workerSettings } from './worker-settings.ts';

test('only REDIS_URL is required, and every setting is described', () => {
  expect(parseEnvironment(workerSettings, { REDIS_URL: 'redis://localhost' })).toMatchObject({
    MODEL: 'small',
    MAX_IMAGE_BYTES: 20_000_000,
    MAX_IMAGE_PIXELS: 40_000_000,
    FETCH_ALLOW_CIDRS: [],
    FETCH_TIMEOUT_MS: 15_000,
    DRAIN_GRACE_MS: 25_000,
  });
  expect(() => parseEnvironment(workerSettings, {})).toThrow(ConfigError);
  expect(describeSettings(workerSettings).map(({ name }) => name)).toEqual(Object.keys(workerSettings.shape));
});
