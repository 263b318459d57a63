import { blobSettings, settings, tracingSettings } from '@glyphmill/core/config';
import { z } from 'zod';
import { allInOneSettings } from './all-in-one-settings.ts';

/** What any Node program may need of the machine it runs on: no setting of ours, and nothing secret. */
const machineVariables = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'];

const everywhere = {
  HOST: settings.host,
  OPS_PORT: allInOneSettings.shape.OPS_PORT,
  REDIS_URL: allInOneSettings.shape.REDIS_URL,
  ...blobSettings,
  DATABASE_URL: allInOneSettings.shape.DATABASE_URL,
  LOG_LEVEL: settings.logLevel,
};

/** Of those who change the database. */
const writing = { ...everywhere, MIGRATE: settings.migrate, MAX_IMAGE_BYTES: settings.maxImageBytes };

/** Of those who talk to strangers' servers. */
const reachingOut = {
  FETCH_ALLOW_CIDRS: settings.fetchAllowCidrs,
  FETCH_ALLOW_HOSTS: settings.fetchAllowHosts,
  FETCH_TIMEOUT_MS: settings.fetchTimeoutMs,
};

/** Of those whom browsers talk to. */
const serving = {
  BASIC_AUTH_USERNAME: settings.basicAuthUsername,
  BASIC_AUTH_PASSWORD: settings.basicAuthPassword,
  ALLOWED_HOSTS: settings.allowedHosts,
  DRAIN_GRACE_MS: settings.drainGraceMs,
};

/**
 * The settings that each service reads, so that a process holds no secret that it has no use for: the worker, which
 * parses what strangers send, never sees the password nor the key of webhooks. A test keeps these lists equal to the
 * services' schemas.
 */
const serviceSettings = {
  api: {
    ...writing,
    ...reachingOut,
    ...serving,
    ...tracingSettings,
    PORT: allInOneSettings.shape.PORT,
    MAILBOX_TTL_MS: settings.mailboxTtlMs,
    SYNC_TIMEOUT_MS: settings.syncTimeoutMs,
    QUEUE_LIMIT: settings.queueLimit,
    JOB_DEADLINE_MS: settings.jobDeadlineMs,
    RESULT_TTL_MS: settings.resultTtlMs,
    WEBHOOK_SECRET: settings.webhookSecret,
  },
  worker: {
    ...writing,
    ...reachingOut,
    LANES: settings.lanes,
    ...tracingSettings,
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
    MAX_ATTEMPTS: settings.maxAttempts,
    RETRY_DELAY_MS: settings.retryDelayMs,
    MAX_IMAGE_PIXELS: settings.maxImagePixels,
    MIN_CONFIDENCE: settings.minConfidence,
    KEEP_IMAGES: settings.keepImages,
    PAGE_TIMEOUT_MS: settings.pageTimeoutMs,
    MAILBOX_TTL_MS: settings.mailboxTtlMs,
    DRAIN_GRACE_MS: settings.drainGraceMs,
  },
  ingest: {
    ...writing,
    ...tracingSettings,
    INBOX_DIR: allInOneSettings.shape.INBOX_DIR,
    INGEST_BATCH_SIZE: settings.ingestBatchSize,
    INGEST_AFTER: settings.ingestAfter,
    INGEST_RESCAN_MS: settings.ingestRescanMs,
    INGEST_SETTLE_MS: settings.ingestSettleMs,
    QUEUE_LIMIT: settings.queueLimit,
    JOB_DEADLINE_MS: settings.jobDeadlineMs,
  },
  web: {
    ...everywhere,
    ...serving,
    WEB_PORT: allInOneSettings.shape.WEB_PORT,
  },
} as const;

export const serviceVariables = {
  api: Object.keys(serviceSettings.api),
  worker: Object.keys(serviceSettings.worker),
  ingest: Object.keys(serviceSettings.ingest),
  web: Object.keys(serviceSettings.web),
} as const;

/** The supervisor's settings and its children's: a bad one is named before anything is started. */
export const everySetting = z.object({
  ...allInOneSettings.shape,
  ...serviceSettings.api,
  ...serviceSettings.worker,
  ...serviceSettings.ingest,
  ...serviceSettings.web,
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
