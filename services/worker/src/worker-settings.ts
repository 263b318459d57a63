import { blobSettings, settings, tracingSettings } from '@glyphmill/core/config';
import { z } from 'zod';

/** Every environment variable that the worker reads. */
export const workerSettings = z.object({
  HOST: settings.host,
  OPS_PORT: settings.opsPort(9464),
  REDIS_URL: settings.redisUrl,
  ...blobSettings,
  DATABASE_URL: settings.databaseUrl,
  MIGRATE: settings.migrate,
  LANES: settings.lanes,
  MODEL: settings.model,
  MODEL_PRECISION: settings.modelPrecision,
  ENGINE_PROCESSES: settings.engineProcesses,
  ENGINE_PROVIDER: settings.engineProvider,
  ENGINE_FALLBACK: settings.engineFallback,
  ENGINE_MEMORY_LIMIT: settings.engineMemoryLimit,
  MAX_BATCH_SIZE: settings.maxBatchSize,
  MAX_QUEUE_DELAY_MS: settings.maxQueueDelayMs,
  GPU_MEMORY_LIMIT: settings.gpuMemoryLimit,
  CUDA_VISIBLE_DEVICES: settings.cudaVisibleDevices,
  MIN_CONFIDENCE: settings.minConfidence,
  KEEP_IMAGES: settings.keepImages,
  FETCH_ALLOW_CIDRS: settings.fetchAllowCidrs,
  FETCH_ALLOW_HOSTS: settings.fetchAllowHosts,
  FETCH_TIMEOUT_MS: settings.fetchTimeoutMs,
  MAX_ATTEMPTS: settings.maxAttempts,
  RETRY_DELAY_MS: settings.retryDelayMs,
  PAGE_TIMEOUT_MS: settings.pageTimeoutMs,
  MAX_IMAGE_BYTES: settings.maxImageBytes,
  MAX_IMAGE_PIXELS: settings.maxImagePixels,
  MAILBOX_TTL_MS: settings.mailboxTtlMs,
  DRAIN_GRACE_MS: settings.drainGraceMs,
  ...tracingSettings,
  LOG_LEVEL: settings.logLevel,
});
export type WorkerSettings = z.infer<typeof workerSettings>;
