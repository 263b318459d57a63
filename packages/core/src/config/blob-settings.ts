import { z } from 'zod';
import { settings } from './settings.ts';

/** What every service reads that keeps or shows uploads and pictures; to be spread into its own. */
export const blobSettings = {
  DATA_DIR: settings.dataDir,
  BLOB_URL: settings.blobUrl,
  S3_ENDPOINT: settings.s3Endpoint,
  S3_REGION: settings.s3Region,
  S3_ACCESS_KEY_ID: settings.s3AccessKeyId,
  S3_SECRET_ACCESS_KEY: settings.s3SecretAccessKey,
} as const;

const schema = z.object(blobSettings);
export type BlobSettings = z.infer<typeof schema>;
