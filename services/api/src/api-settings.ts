import { blobSettings, settings, tracingSettings } from '@glyphmill/core/config';
import { z } from 'zod';

/** Everything that the API reads from its environment. */
export const apiSettings = z.object({
  HOST: settings.host,
  PORT: settings.port(8000),
  OPS_PORT: settings.opsPort(9464),
  REDIS_URL: settings.redisUrl,
  BASIC_AUTH_USERNAME: settings.basicAuthUsername,
  BASIC_AUTH_PASSWORD: settings.basicAuthPassword,
  ALLOWED_HOSTS: settings.allowedHosts,
  MAX_IMAGE_BYTES: settings.maxImageBytes,
  SYNC_TIMEOUT_MS: settings.syncTimeoutMs,
  MAILBOX_TTL_MS: settings.mailboxTtlMs,
  DRAIN_GRACE_MS: settings.drainGraceMs,
  DATABASE_URL: settings.databaseUrl,
  ...blobSettings,
  MIGRATE: settings.migrate,
  QUEUE_LIMIT: settings.queueLimit,
  JOB_DEADLINE_MS: settings.jobDeadlineMs,
  RESULT_TTL_MS: settings.resultTtlMs,
  WEBHOOK_SECRET: settings.webhookSecret,
  FETCH_ALLOW_CIDRS: settings.fetchAllowCidrs,
  FETCH_ALLOW_HOSTS: settings.fetchAllowHosts,
  FETCH_TIMEOUT_MS: settings.fetchTimeoutMs,
  ...tracingSettings,
  LOG_LEVEL: settings.logLevel,
});

export type ApiSettings = z.infer<typeof apiSettings>;
