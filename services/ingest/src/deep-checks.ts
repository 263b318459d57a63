import type { BlobStore } from '@glyphmill/core/blobs';
import { checkPart } from '@glyphmill/core/check-part';
import type { Leader } from '@glyphmill/core/leader';
import type { DeepReadiness } from '@glyphmill/core/ops-server';
import type { JobQueue } from '@glyphmill/core/queue';
import type { JobStore } from '@glyphmill/core/store';
import type { InboxScanner } from './inbox-scanner.ts';

export interface CheckedParts {
  readonly queue: Pick<JobQueue, 'ping'>;
  readonly store: Pick<JobStore, 'check'>;
  readonly blobs: Pick<BlobStore, 'check'>;
  readonly leader: Pick<Leader, 'isLeading'>;
  readonly scanner: Pick<InboxScanner, 'isReadable'>;
}

/** What the service needs to do its work. */
export async function deepChecks({ queue, store, blobs, leader, scanner }: CheckedParts): Promise<DeepReadiness> {
  const [redis, storeCheck, blobsCheck] = await Promise.all([
    checkPart(queue.ping()),
    checkPart(store.check()),
    checkPart(blobs.check()),
  ]);
  // Who waits for the lead does not look at it.
  const isInboxFine = !leader.isLeading || scanner.isReadable === true;
  const inbox = isInboxFine ? { ok: true } : { ok: false, detail: 'The inbox cannot be read' };
  return { redis, store: storeCheck, blobs: blobsCheck, inbox };
}
