import { join } from 'node:path';
import type { BlobSettings } from '../config/blob-settings.ts';
import type { BlobReader, BlobStore } from './blob-store.ts';
import { createFilesystemBlobReader } from './filesystem-blob-reader.ts';
import { createFilesystemBlobStore } from './filesystem-blob-store.ts';
import { createS3BlobReader } from './s3/s3-blob-reader.ts';
import { createS3BlobStore } from './s3/s3-blob-store.ts';
import type { S3Place } from './s3/s3-place.ts';

/** In the bucket that BLOB_URL names, or else as files in the data folder. */
export function createBlobStore(settings: BlobSettings): BlobStore {
  const place = placeOf(settings);
  return place === undefined ? createFilesystemBlobStore({ folder: folderOf(settings) }) : createS3BlobStore(place);
}

/** For a service that only shows blobs. */
export function createBlobReader(settings: BlobSettings): BlobReader {
  const place = placeOf(settings);
  return place === undefined ? createFilesystemBlobReader({ folder: folderOf(settings) }) : createS3BlobReader(place);
}

function folderOf({ DATA_DIR: dataDir }: BlobSettings): string {
  return join(dataDir, 'blobs');
}

function placeOf(settings: BlobSettings): S3Place | undefined {
  const { BLOB_URL: url, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = settings;
  if (url === undefined) return undefined;
  return {
    ...url,
    region: settings.S3_REGION,
    endpoint: settings.S3_ENDPOINT,
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey },
  };
}
