import { settings } from '@glyphmill/core/config';
import { z } from 'zod';

/** What the supervisor itself reads. The services' own settings are passed on to them (child-environments.ts). */
export const allInOneSettings = z.object({
  HOST: settings.host,
  PORT: settings.port(8000),
  WEB_PORT: settings.webPort,
  OPS_PORT: settings.opsPort(9464),
  DATA_DIR: settings.dataDir,
  INBOX_DIR: settings.inboxDir,
  REDIS_URL: settings.redisUrl.optional(),
  DATABASE_URL: settings.databaseUrl,
  MODEL: settings.model,
  MODEL_PRECISION: settings.modelPrecision,
  DRAIN_GRACE_MS: settings.drainGraceMs,
  LOG_LEVEL: settings.logLevel,
  BASIC_AUTH_USERNAME: settings.basicAuthUsername,
  BASIC_AUTH_PASSWORD: settings.basicAuthPassword,
});

export type AllInOneSettings = z.infer<typeof allInOneSettings>;
