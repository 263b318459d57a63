import type { BlobStore } from '../blob-store.ts';
import { endOfHour } from './blob-keys.ts';
import { allCopies, type FoundCopy } from './find-copies.ts';
import type { S3Bucket } from './s3-bucket.ts';

export type SweepOptions = Parameters<BlobStore['sweep']>[0] & {
  readonly bucket: S3Bucket;
  readonly prefix: string;
  readonly now: number;
};

/** Asked about at once: keeps both memory and the query small, whatever the number of blobs. */
const blobsPerQuestion = 500;
/** Deleting many keys by one request is cheaper and understood by fewer servers. */
const deletesAtOnce = 16;

/**
 * Deletes what is old and unused. A bucket has no rename and knows no condition by which a put of the same bytes would
 * keep them from being deleted. So the hour of a put is part of the key, and only keys whose hour is long over are
 * deleted, under which nobody puts anything any more: a put, or a touch, that comes between any two of our steps makes
 * another copy, which we have never seen.
 */
export async function sweepBucket({ bucket, prefix, now, minAgeMs, inUse }: SweepOptions): Promise<number> {
  const isOld = ({ hour }: FoundCopy): boolean => endOfHour(hour) <= now - minAgeMs;
  let deleted = 0;
  let doomed: string[] = [];
  let candidates: FoundCopy[][] = [];
  const deleteDoomed = async (): Promise<void> => {
    await Promise.all(doomed.map((key) => bucket.delete(key)));
    doomed = [];
  };
  const doom = async (copies: readonly FoundCopy[]): Promise<void> => {
    for (const { key } of copies) {
      doomed.push(key);
      if (doomed.length === deletesAtOnce) await deleteDoomed();
    }
  };
  const deleteUnused = async (): Promise<void> => {
    if (candidates.length === 0) return;
    const used = await inUse(candidates.map(([copy]) => copy?.sha256 ?? ''));
    for (const copies of candidates) {
      const isUsed = used.has(copies[0]?.sha256 ?? '');
      // Of a blob that is needed, the youngest copy is enough.
      await doom(isUsed ? copies.slice(0, -1) : copies);
      if (!isUsed) deleted += 1;
    }
    candidates = [];
  };
  for await (const copies of allCopies(bucket, prefix)) {
    if (copies.every(isOld)) candidates.push(copies);
    else await doom(copies.slice(0, -1).filter(isOld));
    if (candidates.length === blobsPerQuestion) await deleteUnused();
  }
  await deleteUnused();
  await deleteDoomed();
  return deleted;
}
