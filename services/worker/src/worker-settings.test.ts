import { ConfigError, describeSettings, parseEnvironment } from '@glyphmill/core/config';
import { expect, test } from 'vitest';
import { workerSettings } from './worker-settings.ts';

test('only REDIS_URL is required, and every setting is described', () => {
  expect(parseEnvironment(workerSettings, { REDIS_URL: 'redis://localhost' })).toMatchObject({
    LANES: ['interactive', 'bulk'],
    MODEL: 'small',
    MAX_IMAGE_BYTES: 20_000_000,
    MAX_IMAGE_PIXELS: 40_000_000,
    FETCH_ALLOW_CIDRS: [],
    FETCH_TIMEOUT_MS: 15_000,
    DRAIN_GRACE_MS: 25_000,
    DATA_DIR: './data',
    MIGRATE: 'auto',
    KEEP_IMAGES: 'preview',
    MAX_ATTEMPTS: 3,
    RETRY_DELAY_MS: 10_000,
  });
  expect(() => parseEnvironment(workerSettings, {})).toThrow(ConfigError);
  expect(describeSettings(workerSettings).map(({ name }) => name)).toEqual(Object.keys(workerSettings.shape));
});

test.each([
  ['bulk', ['bulk']],
  ['bulk, interactive', ['interactive', 'bulk']],
])('LANES=%s', (given, lanes) => {
  expect(parseEnvironment(workerSettings, { REDIS_URL: 'redis://localhost', LANES: given }).LANES).toEqual(lanes);
});

test.each(['fast', 'bulk,', 'bulk,fast', ','])('LANES=%s is refused', (given) => {
  expect(() => parseEnvironment(workerSettings, { REDIS_URL: 'redis://localhost', LANES: given })).toThrow(
    'LANES: expected a comma-separated list of interactive, bulk',
  );
});
