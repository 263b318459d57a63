import path from 'node:path';
import { blobSettings, settings, tracingSettings } from '@glyphmill/core/config';
import { z } from 'zod';

/** Every environment variable that the ingest service reads. */
export const ingestSettings = z.object({
  HOST: settings.host,
  OPS_PORT: settings.opsPort(9466),
  REDIS_URL: settings.redisUrl,
  ...blobSettings,
  DATABASE_URL: settings.databaseUrl,
  MIGRATE: settings.migrate,
  INBOX_DIR: settings.inboxDir,
  INGEST_BATCH_SIZE: settings.ingestBatchSize,
  INGEST_AFTER: settings.ingestAfter,
  INGEST_RESCAN_MS: settings.ingestRescanMs,
  INGEST_SETTLE_MS: settings.ingestSettleMs,
  MAX_IMAGE_BYTES: settings.maxImageBytes,
  QUEUE_LIMIT: settings.queueLimit,
  JOB_DEADLINE_MS: settings.jobDeadlineMs,
  ...tracingSettings,
  LOG_LEVEL: settings.logLevel,
});
export type IngestSettings = z.infer<typeof ingestSettings>;

/** INBOX_DIR, or else the folder in the data folder that it defaults to. */
export function inboxOf(values: Pick<IngestSettings, 'INBOX_DIR' | 'DATA_DIR'>): string {
  return path.resolve(values.INBOX_DIR ?? path.join(values.DATA_DIR, 'inbox'));
}
