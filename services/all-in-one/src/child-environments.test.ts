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
};

it('gives each service its own settings only', () => {
  expect(childEnvironment('worker', env, {})).toEqual({
    PATH: '/bin',
    HOME: '/home/me',
    MODEL: 'tiny',
    OPS_PORT: '9464',
  });
  expect(childEnvironment('api', env, {})).toMatchObject({ BASIC_AUTH_PASSWORD: 'secret' });
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
  };
  let names: string[] = [];
  try {
    parseEnvironment(everySetting, bad);
  } catch (error) {
    if (error instanceof ConfigError) names = error.problems.map(({ name }) => name).toSorted();
  }
  expect(names).toEqual(['ALLOWED_HOSTS', 'BASIC_AUTH_PASSWORD', 'FETCH_ALLOW_CIDRS', 'MODEL', 'PORT']);
  expect(parseEnvironment(everySetting, {})).toMatchObject({ PORT: 8000, OPS_PORT: 9464, MODEL: 'small' });
});
