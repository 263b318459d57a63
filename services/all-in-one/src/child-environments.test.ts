import { ConfigError, parseEnvironment } from '@glyphmill/core/config';
import { expect, it } from 'vitest';
import { childEnvironment, everySetting } from './child-environments.ts';

const env = {
  PATH: '/bin',
  HOME: '/home/me',
  BASIC_AUTH_USERNAME: 'me',
  BASIC_AUTH_PASSWORD: 'secret',
  AWS_SECRET_ACCESS_KEY: 'secret',
  NODE_OPTIONS: '--inspect',
  MODEL: 'tiny',
  OPS_PORT: '9464',
  DATA_DIR: './data',
  DATABASE_URL: 'postgres://db/jobs',
  MIGRATE: 'never',
  QUEUE_LIMIT: '10',
  MAX_ATTEMPTS: '5',
  RETRY_DELAY_MS: '500',
  WEBHOOK_SECRET: 'a secret of webhooks',
  FETCH_ALLOW_CIDRS: '10.0.0.0/8',
  KEEP_IMAGES: 'none',
  INBOX_DIR: '/pictures',
  WEB_PORT: '5001',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
  OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret',
};
const collector = {
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
  OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret',
};
const database = { DATABASE_URL: 'postgres://db/jobs', MIGRATE: 'never', FETCH_ALLOW_CIDRS: '10.0.0.0/8' };

it('gives each service its own settings only', () => {
  expect(childEnvironment('worker', env, { DATA_DIR: '/data' })).toEqual({
    PATH: '/bin',
    HOME: '/home/me',
    MODEL: 'tiny',
    OPS_PORT: '9464',
    DATA_DIR: '/data',
    MAX_ATTEMPTS: '5',
    RETRY_DELAY_MS: '500',
    KEEP_IMAGES: 'none',
    ...database,
    ...collector,
  });
  const machine = { PATH: '/bin', HOME: '/home/me' };
  const shared = { ...machine, OPS_PORT: '9464', DATA_DIR: '/data', DATABASE_URL: 'postgres://db/jobs' };
  expect(childEnvironment('ingest', env, { DATA_DIR: '/data' })).toEqual({
    ...shared,
    MIGRATE: 'never',
    INBOX_DIR: '/pictures',
    QUEUE_LIMIT: '10',
    ...collector,
  });
  expect(childEnvironment('web', env, { DATA_DIR: '/data' })).toEqual({
    ...shared,
    WEB_PORT: '5001',
    BASIC_AUTH_USERNAME: 'me',
    BASIC_AUTH_PASSWORD: 'secret',
  });
  expect(childEnvironment('api', env, {})).toMatchObject({
    BASIC_AUTH_PASSWORD: 'secret',
    WEBHOOK_SECRET: 'a secret of webhooks',
    QUEUE_LIMIT: '10',
    ...database,
    ...collector,
  });
  expect(childEnvironment('api', env, {})).not.toHaveProperty('MODEL');
});

it("puts the supervisor's own values over what was set", () => {
  expect(childEnvironment('worker', env, { OPS_PORT: '9465', REDIS_URL: 'unix:///a' })).toMatchObject({
    OPS_PORT: '9465',
    REDIS_URL: 'unix:///a',
  });
});

it("names what is wrong with anybody's settings at once", () => {
  const bad = {
    PORT: 'abc',
    MODEL: 'big',
    FETCH_ALLOW_CIDRS: '10.0.0.1',
    ALLOWED_HOSTS: '?',
    BASIC_AUTH_USERNAME: 'a',
    DATABASE_URL: 'mysql://db',
    WEBHOOK_SECRET: 'short',
  };
  let names: string[] = [];
  try {
    parseEnvironment(everySetting, bad);
  } catch (error) {
    if (error instanceof ConfigError) names = error.problems.map(({ name }) => name).toSorted();
  }
  expect(names).toEqual([
    'ALLOWED_HOSTS',
    'BASIC_AUTH_PASSWORD',
    'DATABASE_URL',
    'FETCH_ALLOW_CIDRS',
    'MODEL',
    'PORT',
    'WEBHOOK_SECRET',
  ]);
  expect(parseEnvironment(everySetting, {})).toMatchObject({
    PORT: 8000,
    WEB_PORT: 5000,
    OPS_PORT: 9464,
    MODEL: 'small',
  });
});
