import { createHash } from 'node:crypto';
import { setImmediate as otherWork } from 'node:timers/promises';

/** Some milliseconds of hashing: the queue's locks are renewed between two pieces. */
const pieceBytes = 1_000_000;

/** SHA-256 in lower-case hex. */
export async function hashContent(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    if (start > 0) await otherWork();
    hash.update(bytes.subarray(start, start + pieceBytes));
  }
  return hash.digest('hex');
}
