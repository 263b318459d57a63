import { settings } from '@glyphmill/core/config';
import { z } from 'zod';

/** Every environment variable that the worker reads. */
export const workerSettings = z.object({
  HOST: settings.host,
  OPS_PORT: settings.opsPort(9464),
  REDIS_URL: settings.redisUrl,
  MODEL: settings.model,
  ENGINE_PROCESSES: settings.engineProcesses,
  ENGINE_PROVIDER: settings.engineProvider,
  ENGINE_MEMORY_LIMIT: settings.engineMemoryLimit,
  MIN_CONFIDENCE: settings.minConfidence,
  FETCH_ALLOW_CIDRS: settings.fetchAllowCidrs,
  FETCH_ALLOW_HOSTS: settings.fetchAllowHosts,
  FETCH_TIMEOUT_MS: settings.fetchTimeoutMs,
  PAGE_TIMEOUT_MS: settings.pageTimeoutMs,
  MAX_IMAGE_BYTES: settings.maxImageBytes,
  MAX_IMAGE_PIXELS: settings.maxImagePixels,
  MAILBOX_TTL_MS: settings.mailboxTtlMs,
  DRAIN_GRACE_MS: settings.drainGraceMs,
  LOG_LEVEL: settings.logLevel,
});
export type WorkerSettings = z.infer<typeof workerSettings>;
