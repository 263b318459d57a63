import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigError, databaseUrlOf, describeSettings, parseEnvironment, settings, tracingSettings } from './config.ts';

const everySetting = z.object({
  HOST: settings.host,
  PORT: settings.port(8000),
  OPS_PORT: settings.opsPort(9464),
  DATA_DIR: settings.dataDir,
  REDIS_URL: settings.redisUrl,
  DATABASE_URL: settings.databaseUrl,
  BLOB_URL: settings.blobUrl,
  S3_ENDPOINT: settings.s3Endpoint,
  S3_REGION: settings.s3Region,
  S3_ACCESS_KEY_ID: settings.s3AccessKeyId,
  S3_SECRET_ACCESS_KEY: settings.s3SecretAccessKey,
  MIGRATE: settings.migrate,
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
  MAX_ATTEMPTS: settings.maxAttempts,
  RETRY_DELAY_MS: settings.retryDelayMs,
  JOB_DEADLINE_MS: settings.jobDeadlineMs,
  QUEUE_LIMIT: settings.queueLimit,
  RESULT_TTL_MS: settings.resultTtlMs,
  WEBHOOK_SECRET: settings.webhookSecret,
  DRAIN_GRACE_MS: settings.drainGraceMs,
  ENGINE_FALLBACK: settings.engineFallback,
  ENGINE_MEMORY_LIMIT: settings.engineMemoryLimit,
  MAX_BATCH_SIZE: settings.maxBatchSize,
  MAX_QUEUE_DELAY_MS: settings.maxQueueDelayMs,
  GPU_MEMORY_LIMIT: settings.gpuMemoryLimit,
  CUDA_VISIBLE_DEVICES: settings.cudaVisibleDevices,
  MIN_CONFIDENCE: settings.minConfidence,
  ALLOWED_HOSTS: settings.allowedHosts,
  LOG_LEVEL: settings.logLevel,
  ...tracingSettings,
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
    S3_REGION: 'us-east-1',
    MIGRATE: 'auto',
    MODEL: 'small',
    ENGINE_PROVIDER: 'cpu',
    FETCH_ALLOW_CIDRS: [],
    MAX_IMAGE_BYTES: 20_000_000,
    MAX_IMAGE_PIXELS: 40_000_000,
    SYNC_TIMEOUT_MS: 30_000,
    PAGE_TIMEOUT_MS: 20_000,
    FETCH_TIMEOUT_MS: 15_000,
    MAILBOX_TTL_MS: 120_000,
    MAX_ATTEMPTS: 3,
    RETRY_DELAY_MS: 10_000,
    QUEUE_LIMIT: 100_000,
    DRAIN_GRACE_MS: 25_000,
    ENGINE_FALLBACK: 'none',
    MAX_BATCH_SIZE: 16,
    MAX_QUEUE_DELAY_MS: 10,
    MIN_CONFIDENCE: 0.5,
    LOG_LEVEL: 'info',
    OTEL_TRACES_SAMPLER: 'parentbased_always_on',
    OTEL_TRACES_SAMPLER_ARG: 1,
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
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://collector:4318/otlp/', 'https://collector:4318/otlp/'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'x-key=a%20b=, x-tenant = c,', { 'x-key': 'a b=', 'x-tenant': 'c' }],
  ['OTEL_TRACES_SAMPLER_ARG', '0.25', 0.25],
  ['REDIS_URL', 'rediss://user:pass@redis.internal:6380/2', 'rediss://user:pass@redis.internal:6380/2'],
  ['MODEL', 'tiny', 'tiny'],
  ['DRAIN_GRACE_MS', '0', 0],
  ['DATABASE_URL', 'file:data/jobs.db', 'file:data/jobs.db'],
  ['BLOB_URL', 's3://my.bucket-1', { bucket: 'my.bucket-1', prefix: '' }],
  ['BLOB_URL', ' s3://bucket/ ', { bucket: 'bucket', prefix: '' }],
  ['BLOB_URL', 's3://bucket/ocr/prod', { bucket: 'bucket', prefix: 'ocr/prod/' }],
  ['BLOB_URL', 's3://bucket/ocr_1.2/', { bucket: 'bucket', prefix: 'ocr_1.2/' }],
  ['S3_ENDPOINT', 'http://10.0.0.7:9000', 'http://10.0.0.7:9000'],
  ['S3_ENDPOINT', 'https://S3.example.com/', 'https://s3.example.com'],
  ['DATABASE_URL', 'file:///srv/my jobs/jobs.db', 'file:///srv/my jobs/jobs.db'],
  ['DATABASE_URL', 'postgres://me:pass@db.internal:5433/jobs', 'postgres://me:pass@db.internal:5433/jobs'],
  ['DATABASE_URL', ' postgresql:///jobs?host=/run/postgresql', 'postgresql:///jobs?host=/run/postgresql'],
  ['MIGRATE', 'never', 'never'],
  ['JOB_DEADLINE_MS', '2592000000', 30 * 86_400_000],
  ['RESULT_TTL_MS', '31536000000', 365 * 86_400_000],
  ['WEBHOOK_SECRET', 'sixteen letters!', 'sixteen letters!'],
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
  ['ENGINE_FALLBACK', 'gpu'],
  ['MAX_BATCH_SIZE', '0'],
  ['MAX_BATCH_SIZE', '65'],
  ['MAX_QUEUE_DELAY_MS', '1001'],
  ['GPU_MEMORY_LIMIT', '4 apples'],
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
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'grpc://collector:4317'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://collector:4318?key=a'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a secret alone'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'x-key=%zz'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'x-key=a%0D%0Ax-other: b'],
  ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
  ['BASIC_AUTH_USERNAME', 'u:v'],
  ['REDIS_URL', 'http://redis'],
  ['REDIS_URL', 'localhost:6379'],
  ['REDIS_URL', 'unix://'],
  ['LOG_LEVEL', 'loud'],
  ['DATABASE_URL', 'data/jobs.db'],
  ['BLOB_URL', 'bucket'],
  ['BLOB_URL', 's3:bucket'],
  ['BLOB_URL', 's3://Bucket'],
  ['BLOB_URL', 's3://key:secret@bucket'],
  ['BLOB_URL', 's3://bucket/a//b'],
  ['BLOB_URL', 's3://bucket/../other'],
  ['BLOB_URL', 's3://bucket/a b'],
  ['BLOB_URL', 's3://bucket?region=eu'],
  ['BLOB_URL', 'https://bucket.s3.amazonaws.com'],
  ['S3_ENDPOINT', 'minio:9000'],
  ['S3_ENDPOINT', 'ftp://minio'],
  ['S3_ENDPOINT', 'http://key:secret@minio:9000'],
  ['S3_ENDPOINT', 'http://minio:9000/bucket'],
  ['S3_ENDPOINT', 'http://minio:9000?x=1'],
  ['DATABASE_URL', 'file:'],
  ['DATABASE_URL', 'file:data/'],
  ['DATABASE_URL', 'file::memory:'],
  ['DATABASE_URL', 'file:jobs.db?mode=ro'],
  ['DATABASE_URL', 'mysql://db/jobs'],
  ['MIGRATE', 'yes'],
  ['MAX_ATTEMPTS', '0'],
  ['RETRY_DELAY_MS', '600001'],
  ['QUEUE_LIMIT', '0'],
  ['RESULT_TTL_MS', '0'],
  ['JOB_DEADLINE_MS', '1h'],
  ['WEBHOOK_SECRET', 'hush'],
];

test.each(bad)('%s=%s is refused, saying what is expected', (name, text) => {
  const other = name === 'BASIC_AUTH_USERNAME' ? { BASIC_AUTH_PASSWORD: 'hush' } : {};
  const problems = problemsOf({ ...redis, ...other, [name]: text });
  expect(problems.map((problem) => problem.name)).toEqual([name]);
  expect(problems[0]?.detail).toMatch(/^expected /);
});

/** A key for webhooks as it is written after `whsec_`. */
const base64Key = (bytes: number): string => Buffer.alloc(bytes, 0xfb).toString('base64');

describe('WEBHOOK_SECRET', () => {
  test.each([
    ['24 bytes', base64Key(24)],
    ['25 bytes', base64Key(25)],
    ['25 bytes, without padding', base64Key(25).replaceAll('=', '')],
    ['26 bytes', base64Key(26)],
    ['26 bytes, without padding', base64Key(26).replaceAll('=', '')],
    ['64 bytes', base64Key(64)],
  ])('may be whsec_ and the base64 of %s', (_what, key) => {
    const secret = `whsec_${key}`;
    expect(parseEnvironment(everySetting, { ...redis, WEBHOOK_SECRET: secret }).WEBHOOK_SECRET).toBe(secret);
  });

  test.each([
    ['nothing', ''],
    ['what decodes to nothing', '!!!!!!!!!!'],
    ['what decodes to nothing, at any length', '!'.repeat(64)],
    ['16 bytes', base64Key(16)],
    ['23 bytes', base64Key(23)],
    ['23 bytes, without padding', base64Key(23).replaceAll('=', '')],
    ['the alphabet for URLs', Buffer.alloc(24, 0xfb).toString('base64url')],
    ['a sign between', `${base64Key(24).slice(0, 16)}*${base64Key(24).slice(16)}`],
    ['a space between', `${base64Key(24).slice(0, 16)} ${base64Key(24).slice(16)}`],
    ['half of the padding', base64Key(25).slice(0, -1)],
    ['padding that belongs to nothing', `${base64Key(24)}=`],
    ['padding between', `${base64Key(25)}${base64Key(25)}`],
    ['a letter too many', `${base64Key(24)}A`],
    ['bits too many', base64Key(25).replace(/.==$/, 'x==')],
  ])('with %s after whsec_ is refused', (_what, key) => {
    expect(problemsOf({ ...redis, WEBHOOK_SECRET: `whsec_${key}` })).toEqual([
      {
        name: 'WEBHOOK_SECRET',
        detail: 'expected at least 16 characters, or whsec_ and the base64 of at least 24 bytes',
      },
    ]);
  });
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
    const env = {
      REDIS_URL: 'redis//:hunter2@redis',
      BASIC_AUTH_PASSWORD: 'hunter3',
      PORT: 'hunter4',
      WEBHOOK_SECRET: 'hunter5',
      DATABASE_URL: 'pg://:hunter6@db',
      BLOB_URL: 's3://hunter7@bucket',
      S3_ENDPOINT: 'http://hunter8:hunter9@host',
      S3_SECRET_ACCESS_KEY: 'hunter0',
    };
    expect(() => parseEnvironment(everySetting, env)).toThrow(ConfigError);
    expect(() => parseEnvironment(everySetting, env)).not.toThrow(/hunter/);
  });

  test('one half of the credentials is an error, whichever it is', () => {
    expect(problemsOf({ ...redis, BASIC_AUTH_USERNAME: 'clerk' })[0]?.name).toBe('BASIC_AUTH_PASSWORD');
    expect(problemsOf({ ...redis, BASIC_AUTH_PASSWORD: 'secret' })[0]?.name).toBe('BASIC_AUTH_USERNAME');
    expect(problemsOf({ ...redis, BASIC_AUTH_USERNAME: 'clerk', BASIC_AUTH_PASSWORD: 'secret' })).toEqual([]);
    expect(problemsOf({ ...redis, S3_ACCESS_KEY_ID: 'key' })[0]?.name).toBe('S3_SECRET_ACCESS_KEY');
    expect(problemsOf({ ...redis, S3_SECRET_ACCESS_KEY: 'secret' })[0]?.name).toBe('S3_ACCESS_KEY_ID');
    expect(problemsOf({ ...redis, S3_ACCESS_KEY_ID: 'key', S3_SECRET_ACCESS_KEY: 'secret' })).toEqual([]);
  });
});

describe('databaseUrlOf', () => {
  test('is what was set', () => {
    expect(databaseUrlOf({ DATABASE_URL: 'postgres://db/jobs', DATA_DIR: '/srv' })).toBe('postgres://db/jobs');
  });

  test('is a file in the data folder otherwise, whoever asks from which folder', () => {
    expect(databaseUrlOf({ DATA_DIR: '/srv/data' })).toBe('file:/srv/data/ocr_data.db');
    expect(databaseUrlOf({ DATA_DIR: './data' })).toBe(`file:${process.cwd()}/data/ocr_data.db`);
  });
});

describe('describeSettings', () => {
  test('describes every setting in order', () => {
    const described = describeSettings(everySetting);
    expect(described.map((setting) => setting.name)).toEqual(Object.keys(everySetting.shape));
    expect(described.every((setting) => setting.description.length > 10)).toBe(true);
    expect(described.find((setting) => setting.name === 'OPS_PORT')?.default).toBe('9464');
    expect(described.find((setting) => setting.name === 'ENGINE_PROCESSES')?.default).toBe(
      'cores it may use; 1 with cuda',
    );
  });

  test('finds a required setting that a service made optional', () => {
    expect(describeSettings(z.object({ REDIS_URL: settings.redisUrl.optional() }))).toHaveLength(1);
  });

  test('refuses a setting without a description', () => {
    expect(() => describeSettings(z.object({ SECRET: z.string() }))).toThrow(/SECRET/);
  });
});
