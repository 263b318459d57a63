import { blobSettings, settings } from '@glyphmill/core/config';
import { z } from 'zod';

/** Everything that the page's service reads from its environment. */
export const webSettings = z.object({
  HOST: settings.host,
  WEB_PORT: settings.webPort,
  OPS_PORT: settings.opsPort(9467),
  // Only to show what waits and who works; all else is in the store.
  REDIS_URL: settings.redisUrl.optional(),
  BASIC_AUTH_USERNAME: settings.basicAuthUsername,
  BASIC_AUTH_PASSWORD: settings.basicAuthPassword,
  ALLOWED_HOSTS: settings.allowedHosts,
  DRAIN_GRACE_MS: settings.drainGraceMs,
  DATABASE_URL: settings.databaseUrl,
  ...blobSettings,
  LOG_LEVEL: settings.logLevel,
});

export type WebSettings = z.infer<typeof webSettings>;
