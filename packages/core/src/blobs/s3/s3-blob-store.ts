import type { BlobStore } from '../blob-store.ts';
import { isSha256 } from '../blob-paths.ts';
import { withUnnamedFile } from '../unnamed-file.ts';
import { writeUpload } from '../write-upload.ts';
import { hourOf, keyOf } from './blob-keys.ts';
import { ofYoungestCopy } from './find-copies.ts';
import { createS3BlobReader } from './s3-blob-reader.ts';
import { S3Bucket, type S3Timing } from './s3-bucket.ts';
import type { S3Place } from './s3-place.ts';
import { sweepBucket } from './sweep-bucket.ts';

export interface S3Options {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly timing?: Partial<S3Timing>;
}

/**
 * Blobs as objects of a bucket, one for each hour in which a blob was put or touched (sweep-bucket.ts says why). Any
 * number of processes on any number of machines may use one place, as long as their clocks differ by less than the least
 * age of a sweep, and as long as the server is consistent: what was put is listed at once.
 */
export function createS3BlobStore(place: S3Place, { now = Date.now, timing }: S3Options = {}): BlobStore {
  const { prefix } = place;
  const bucket = new S3Bucket(place, { timing });
  const keyNow = (sha256: string): string => keyOf(prefix, { sha256, hour: hourOf(now()) });

  return {
    ...createS3BlobReader(place, { bucket, now }),
    async put(content, options) {
      // Without a listener an error that comes before the stream is read would end the process.
      content.on('error', () => {});
      try {
        // A bucket has to be told the name and the size first, and both are known when the last byte has come.
        return await withUnnamedFile(async (file) => {
          const stored = await writeUpload(content, file, options);
          await bucket.put(keyNow(stored.sha256), { file, ...stored, signal: options.signal });
          return stored;
        });
      } catch (error) {
        content.destroy();
        throw error;
      }
    },
    async touch(sha256) {
      if (!isSha256(sha256)) return false;
      const young = keyNow(sha256);
      const touched = await ofYoungestCopy({ bucket, prefix, sha256 }, async ({ key }) =>
        key >= young || (await bucket.copy(key, young)) ? true : undefined,
      );
      return touched === true;
    },
    sweep: (options) => sweepBucket({ ...options, bucket, prefix, now: now() }),
    check: () => bucket.putText(`${prefix}check`, 'check'),
  };
}
