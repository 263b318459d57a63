import { type BlobCopy, parseKey, stemOf } from './blob-keys.ts';
import type { S3Bucket, StoredObject } from './s3-bucket.ts';
import { S3Failure, toOcrError } from './s3-failure.ts';

export type FoundCopy = BlobCopy & StoredObject;

interface WantedBlob {
  readonly bucket: S3Bucket;
  readonly prefix: string;
  readonly sha256: string;
}

/** Far more sweeps than there are at a time. */
const maxLooks = 5;

/** Of one blob, the oldest first. */
export async function findCopies({ bucket, prefix, sha256 }: WantedBlob): Promise<FoundCopy[]> {
  const copies: FoundCopy[] = [];
  for await (const object of bucket.list(stemOf(prefix, sha256))) {
    const copy = parseKey(prefix, object.key);
    if (copy !== undefined) copies.push({ ...copy, ...object });
  }
  return copies;
}

/**
 * What `work` gives for the youngest copy. Undefined means that it is not there any more: a sweep has deleted it, since
 * there is a younger one by now, or none is needed. Undefined, too, when there is no copy.
 */
export async function ofYoungestCopy<T>(
  wanted: WantedBlob,
  work: (copy: FoundCopy) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (let look = 1; look <= maxLooks; look += 1) {
    const youngest = (await findCopies(wanted)).at(-1);
    if (youngest === undefined) return undefined;
    const found = await work(youngest);
    if (found !== undefined) return found;
  }
  throw toOcrError(new S3Failure('NoSuchKey'));
}

/** Of all blobs: each blob's copies together, the oldest first. */
export async function* allCopies(bucket: S3Bucket, prefix: string): AsyncGenerator<FoundCopy[]> {
  let copies: FoundCopy[] = [];
  for await (const object of bucket.list(prefix)) {
    const copy = parseKey(prefix, object.key);
    if (copy === undefined) continue;
    if (copies.length > 0 && copies[0]?.sha256 !== copy.sha256) {
      yield copies;
      copies = [];
    }
    copies.push({ ...copy, ...object });
  }
  if (copies.length > 0) yield copies;
}
