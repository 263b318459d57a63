import { createHash } from 'node:crypto';
import type { BlobReader } from '../blob-store.ts';
import { isSha256 } from '../blob-paths.ts';
import { hourOf, keyOf } from './blob-keys.ts';
import { findCopies, ofYoungestCopy } from './find-copies.ts';
import { S3Bucket } from './s3-bucket.ts';
import { S3Failure, toOcrError } from './s3-failure.ts';
import type { S3Place } from './s3-place.ts';

/** Never changes anything: its user needs no more than to list the bucket and to get objects. */
export function createS3BlobReader(
  place: S3Place,
  { bucket = new S3Bucket(place), now = Date.now }: { readonly bucket?: S3Bucket; readonly now?: () => number } = {},
): BlobReader {
  const { prefix } = place;
  /** Most blobs are read within the hour that they came in: nobody has to be asked under which key they are. */
  const likelyKey = (sha256: string): string => keyOf(prefix, { sha256, hour: hourOf(now()) });

  const get = async (key: string, sha256: string): Promise<Uint8Array | undefined> => {
    const bytes = await bucket.get(key);
    if (bytes !== undefined && createHash('sha256').update(bytes).digest('hex') !== sha256) {
      throw toOcrError(new S3Failure('OtherBytes'));
    }
    return bytes;
  };

  return {
    async size(sha256) {
      if (!isSha256(sha256)) return undefined;
      return (await bucket.size(likelyKey(sha256))) ?? (await findCopies({ bucket, prefix, sha256 })).at(-1)?.bytes;
    },
    async read(sha256) {
      if (!isSha256(sha256)) return undefined;
      const likely = await get(likelyKey(sha256), sha256);
      if (likely !== undefined) return likely;
      return ofYoungestCopy({ bucket, prefix, sha256 }, ({ key }) => get(key, sha256));
    },
  };
}
