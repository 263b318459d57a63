export type { BlobReader, BlobStore, StoredBlob } from './blob-store.ts';
export { createBlobReader, createBlobStore } from './blobs-of-settings.ts';
export { createFilesystemBlobReader } from './filesystem-blob-reader.ts';
export { createFilesystemBlobStore } from './filesystem-blob-store.ts';
export { createS3BlobReader } from './s3/s3-blob-reader.ts';
export { createS3BlobStore } from './s3/s3-blob-store.ts';
export type { S3Place } from './s3/s3-place.ts';
