import { settings } from '@glyphmill/core/config';
import { z } from 'zod';
import { allInOneSettings } from './all-in-one-settings.ts';

/** What any Node program may need of the machine it runs on: no setting of ours, and nothing secret. */
const machineVariables = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'];

const shared = {
  HOST: settings.host,
  OPS_PORT: allInOneSettings.shape.OPS_PORT,
  REDIS_URL: allInOneSettings.shape.REDIS_URL,
  MAX_IMAGE_BYTES: settings.maxImageBytes,
  MAILBOX_TTL_MS: settings.mailboxTtlMs,
  DRAIN_GRACE_MS: settings.drainGraceMs,
  LOG_LEVEL: settings.logLevel,
};

/**
 * The settings that each service reads, so that a process holds no secret that it has no use for: the worker, which
 * parses what strangers send, never sees the password. A test keeps these lists equal to the services' schemas.
 */
const serviceSettings = {
  api: {
    ...shared,
    PORT: allInOneSettings.shape.PORT,
    BASIC_AUTH_USERNAME: settings.basicAuthUsername,
    BASIC_AUTH_PASSWORD: settings.basicAuthPassword,
    ALLOWED_HOSTS: settings.allowedHosts,
    SYNC_TIMEOUT_MS: settings.syncTimeoutMs,
  },
  worker: {
    ...shared,
    MODEL: settings.model,
    ENGINE_PROCESSES: settings.engineProcesses,
    ENGINE_PROVIDER: settings.engineProvider,
    ENGINE_MEMORY_LIMIT: settings.engineMemoryLimit,
    FETCH_ALLOW_CIDRS: settings.fetchAllowCidrs,
    FETCH_ALLOW_HOSTS: settings.fetchAllowHosts,
    FETCH_TIMEOUT_MS: settings.fetchTimeoutMs,
    MAX_IMAGE_PIXELS: settings.maxImagePixels,
    MIN_CONFIDENCE: settings.minConfidence,
    PAGE_TIMEOUT_MS: settings.pageTimeoutMs,
  },
} as const;

export const serviceVariables = {
  api: Object.keys(serviceSettings.api),
  worker: Object.keys(serviceSettings.worker),
} as const;

/** The supervisor's settings and its children's: a bad one is named before anything is started. */
export const everySetting = z.object({
  ...allInOneSettings.shape,
  ...serviceSettings.api,
  ...serviceSettings.worker,
});

export type ServiceName = keyof typeof serviceVariables;
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of one service: its share of `env`, with `own` (ports, addresses) over it. */
export function childEnvironment(service: ServiceName, env: Environment, own: Environment): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name of [...machineVariables, ...serviceVariables[service]]) {
    const value = own[name] ?? env[name];
    if (value !== undefined) result[name] = value;
  }
  return result;
}
