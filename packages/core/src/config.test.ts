import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigError, describeSettings, parseEnvironment, settings } from './config.ts';

const everySetting = z.object({
  HOST: settings.host,
  PORT: settings.port(8000),
  OPS_PORT: settings.opsPort(9464),
  DATA_DIR: settings.dataDir,
  REDIS_URL: settings.redisUrl,
  BASIC_AUTH_USERNAME: settings.basicAuthUsername,
  BASIC_AUTH_PASSWORD: settings.basicAuthPassword,
  MODEL: settings.model,
  ENGINE_PROCESSES: settings.engineProcesses,
  ENGINE_PROVIDER: settings.engineProvider,
  FETCH_ALLOW_CIDRS: settings.fetchAllowCidrs,
  FETCH_ALLOW_HOSTS: settings.fetchAllowHosts,
  MAX_IMAGE_BYTES: settings.maxImageBytes,
  MAX_IMAGE_PIXELS: settings.maxImagePixels,
  SYNC_TIMEOUT_MS: settings.syncTimeoutMs,
  PAGE_TIMEOUT_MS: settings.pageTimeoutMs,
  FETCH_TIMEOUT_MS: settings.fetchTimeoutMs,
  MAILBOX_TTL_MS: settings.mailboxTtlMs,
  DRAIN_GRACE_MS: settings.drainGraceMs,
  ENGINE_MEMORY_LIMIT: settings.engineMemoryLimit,
  MIN_CONFIDENCE: settings.minConfidence,
  ALLOWED_HOSTS: settings.allowedHosts,
  LOG_LEVEL: settings.logLevel,
});
type Name = keyof typeof everySetting.shape;

const redis = { REDIS_URL: 'unix:///run/redis.sock' };

function problemsOf(env: Record<string, string>): readonly { name: string; detail: string }[] {
  try {
    parseEnvironment(everySetting, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test('the defaults are those of the table', () => {
  expect(parseEnvironment(everySetting, redis)).toEqual({
    ...redis,
    HOST: '127.0.0.1',
    PORT: 8000,
    OPS_PORT: 9464,
    DATA_DIR: './data',
    MODEL: 'small',
    ENGINE_PROVIDER: 'cpu',
    FETCH_ALLOW_CIDRS: [],
    MAX_IMAGE_BYTES: 20_000_000,
    MAX_IMAGE_PIXELS: 40_000_000,
    SYNC_TIMEOUT_MS: 30_000,
    PAGE_TIMEOUT_MS: 20_000,
    FETCH_TIMEOUT_MS: 15_000,
    MAILBOX_TTL_MS: 120_000,
    DRAIN_GRACE_MS: 25_000,
    ENGINE_MEMORY_LIMIT: 1_000_000_000,
    MIN_CONFIDENCE: 0.5,
    LOG_LEVEL: 'info',
  });
});

test('an empty string counts as unset', () => {
  const env = Object.fromEntries(Object.keys(everySetting.shape).map((name) => [name, '']));
  expect(parseEnvironment(everySetting, { ...env, ...redis })).toEqual(parseEnvironment(everySetting, redis));
});

const good: [Name, string, unknown][] = [
  ['PORT', '0', 0],
  ['PORT', '65535', 65_535],
  ['PORT', ' 80 ', 80],
  ['MAX_IMAGE_BYTES', '1048576', 1_048_576],
  ['MAX_IMAGE_BYTES', '1.5 MB', 1_500_000],
  ['MAX_IMAGE_BYTES', '2gb', 2_000_000_000],
  ['MAX_IMAGE_BYTES', '1KiB', 1024],
  ['ENGINE_MEMORY_LIMIT', '700MB', 700_000_000],
  ['MAX_IMAGE_PIXELS', '12.5MP', 12_500_000],
  ['MAX_IMAGE_PIXELS', '1000', 1000],
  ['MIN_CONFIDENCE', '0', 0],
  ['MIN_CONFIDENCE', '.25', 0.25],
  ['MIN_CONFIDENCE', '1', 1],
  ['FETCH_ALLOW_HOSTS', 'a.example, B.example ,,', ['a.example', 'b.example']],
  ['FETCH_ALLOW_HOSTS', '*.a.example', ['*.a.example']],
  ['FETCH_ALLOW_CIDRS', '10.0.0.0/8,fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
  ['ALLOWED_HOSTS', 'ocr.internal,::1', ['ocr.internal', '::1']],
  ['ALLOWED_HOSTS', '[::1], [FD00::7]', ['[::1]', '[fd00::7]']],
  ['ALLOWED_HOSTS', '*', ['*']],
  ['REDIS_URL', 'rediss://user:pass@redis.internal:6380/2', 'rediss://user:pass@redis.internal:6380/2'],
  ['MODEL', 'tiny', 'tiny'],
  ['DRAIN_GRACE_MS', '0', 0],
];

test.each(good)('%s=%s is understood', (name, text, value) => {
  expect(parseEnvironment(everySetting, { ...redis, [name]: text })[name]).toEqual(value);
});

const bad: [Name, string][] = [
  ['PORT', '65536'],
  ['PORT', '-1'],
  ['PORT', '80.5'],
  ['PORT', '0x50'],
  ['MAX_IMAGE_BYTES', '0'],
  ['MAX_IMAGE_BYTES', '20 parsecs'],
  ['MAX_IMAGE_BYTES', 'MB'],
  ['MAX_IMAGE_PIXELS', '40MB'],
  ['MIN_CONFIDENCE', '1.1'],
  ['MIN_CONFIDENCE', 'half'],
  ['MODEL', 'huge'],
  ['ENGINE_PROCESSES', '0'],
  ['SYNC_TIMEOUT_MS', '30s'],
  ['SYNC_TIMEOUT_MS', '2147483648'],
  ['FETCH_ALLOW_CIDRS', '10.0.0.0'],
  ['FETCH_ALLOW_CIDRS', '10.0.0.0/33'],
  ['FETCH_ALLOW_CIDRS', '10.0.0.0/8/8'],
  ['FETCH_ALLOW_HOSTS', 'https://a.example'],
  ['FETCH_ALLOW_HOSTS', '*'],
  ['FETCH_ALLOW_HOSTS', 'a.*.example'],
  ['ALLOWED_HOSTS', 'ocr.internal:8000'],
  ['ALLOWED_HOSTS', '[::1]:8000'],
  ['ALLOWED_HOSTS', '[ocr.internal]'],
  ['ALLOWED_HOSTS', '*.internal'],
  ['ALLOWED_HOSTS', '?'],
  ['BASIC_AUTH_USERNAME', 'u:v'],
  ['REDIS_URL', 'http://redis'],
  ['REDIS_URL', 'localhost:6379'],
  ['REDIS_URL', 'unix://'],
  ['LOG_LEVEL', 'loud'],
];

test.each(bad)('%s=%s is refused, saying what is expected', (name, text) => {
  const other = name === 'BASIC_AUTH_USERNAME' ? { BASIC_AUTH_PASSWORD: 'hush' } : {};
  const problems = problemsOf({ ...redis, ...other, [name]: text });
  expect(problems.map((problem) => problem.name)).toEqual([name]);
  expect(problems[0]?.detail).toMatch(/^expected /);
});

describe('ConfigError', () => {
  test('names every bad key at once', () => {
    const names = problemsOf({ PORT: 'x', MODEL: 'y', MIN_CONFIDENCE: 'z', BASIC_AUTH_USERNAME: 'u' });
    expect(names.map((problem) => problem.name).toSorted()).toEqual(
      ['BASIC_AUTH_PASSWORD', 'MIN_CONFIDENCE', 'MODEL', 'PORT', 'REDIS_URL'].toSorted(),
    );
  });

  test('says of a missing key that it is required', () => {
    expect(problemsOf({})).toEqual([{ name: 'REDIS_URL', detail: 'is required' }]);
  });

  test('repeats no value', () => {
    const env = { REDIS_URL: 'redis//:hunter2@redis', BASIC_AUTH_PASSWORD: 'hunter3', PORT: 'hunter4' };
    expect(() => parseEnvironment(everySetting, env)).toThrow(ConfigError);
    expect(() => parseEnvironment(everySetting, env)).not.toThrow(/hunter/);
  });

  test('one half of the credentials is an error, whichever it is', () => {
    expect(problemsOf({ ...redis, BASIC_AUTH_USERNAME: 'clerk' })[0]?.name).toBe('BASIC_AUTH_PASSWORD');
    expect(problemsOf({ ...redis, BASIC_AUTH_PASSWORD: 'secret' })[0]?.name).toBe('BASIC_AUTH_USERNAME');
    expect(problemsOf({ ...redis, BASIC_AUTH_USERNAME: 'clerk', BASIC_AUTH_PASSWORD: 'secret' })).toEqual([]);
  });
});

describe('describeSettings', () => {
  test('describes every setting in order', () => {
    const described = describeSettings(everySetting);
    expect(described.map((setting) => setting.name)).toEqual(Object.keys(everySetting.shape));
    expect(described.every((setting) => setting.description.length > 10)).toBe(true);
    expect(described.find((setting) => setting.name === 'OPS_PORT')?.default).toBe('9464');
    expect(described.find((setting) => setting.name === 'ENGINE_PROCESSES')?.default).toBe('cores it may use');
  });

  test('finds a required setting that a service made optional', () => {
    expect(describeSettings(z.object({ REDIS_URL: settings.redisUrl.optional() }))).toHaveLength(1);
  });

  test('refuses a setting without a description', () => {
    expect(() => describeSettings(z.object({ SECRET: z.string() }))).toThrow(/SECRET/);
  });
});
